package plot

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
)

// encode writes an image as PNG. The best compression takes 50 ms more for a figure, and a twelfth of its bytes away.
func encode(img *image.Paletted) ([]byte, error) {
	var out bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, img)
	return out.Bytes(), err
}

const (
	flat   = 0.005 // share of a drawing's pixels from which a colour is no blend
	few    = 11    // flat colours that leave room for blends among sixteen
	shades = 5     // of red, green and blue each, by which blends are told apart
)

// withPalette returns an opaque image with a palette of at most 256 colours, which more than halves a PNG. A drawing has a
// handful of flat colours and, along the edges of lines and letters, hundreds of blends between them, of which an eye sees few
// apart at two dots to the CSS pixel: of blends that are nearly the same the most frequent stands for all. Flat colours and
// those in keep stay as they are.
func withPalette(img *image.RGBA, keep []color.RGBA) *image.Paletted {
	counts := map[color.RGBA]int{}
	eachStretch(img, func(c color.RGBA, start, end int) { counts[c] += end - start })
	pixels := len(img.Pix) / 4
	keep = slices.Clone(keep)
	for i, c := range keep {
		keep[i] = drawnAs(c, counts)
	}
	rank := func(c color.RGBA) int { // 1: stays as it is
		if float64(counts[c]) >= flat*float64(pixels) || slices.Contains(keep, c) {
			return 1
		}
		return 0
	}
	frequent := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(rank(b)-rank(a), counts[b]-counts[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	most := 256
	if len(frequent) <= few || rank(frequent[few]) == 0 {
		most = 16 // a PNG then has half a byte for a pixel
	}
	palette := make(color.Palette, 0, most)
	index := make(map[color.RGBA]uint8, len(frequent))
	blends := map[kind]uint8{}
	for _, c := range frequent {
		near := kindOf(c)
		like, known := blends[near]
		switch {
		case known && rank(c) == 0:
			index[c] = like
		case len(palette) < cap(palette):
			index[c] = uint8(len(palette))
			palette = append(palette, c)
			if rank(c) == 0 {
				blends[near] = index[c]
			}
		default:
			index[c] = uint8(palette.Index(c))
		}
	}
	p := &image.Paletted{Pix: make([]uint8, pixels), Stride: img.Stride / 4, Rect: img.Rect, Palette: palette}
	eachStretch(img, func(c color.RGBA, start, end int) {
		at := index[c]
		for i := start; i < end; i++ {
			p.Pix[i] = at
		}
	})
	return p
}

// drawnAs returns the most frequent of the colours that a drawing has that are c but for rounding, c if there is none.
func drawnAs(c color.RGBA, counts map[color.RGBA]int) color.RGBA {
	const rounding = 2
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= rounding }
	best, most := c, counts[c]
	for drawn, n := range counts {
		if n > most && near(drawn.R, c.R) && near(drawn.G, c.G) && near(drawn.B, c.B) {
			best, most = drawn, n
		}
	}
	return best
}

// kind is what blends that are nearly the same have in common.
type kind struct {
	r, g, b int
	grey    bool // no letter gets a tinge of the curves
}

func kindOf(c color.RGBA) kind {
	shade := func(v uint8) int { return (int(v)*(shades-1) + 127) / 255 }
	return kind{shade(c.R), shade(c.G), shade(c.B), max(c.R, c.G, c.B)-min(c.R, c.G, c.B) < 16}
}

// eachStretch calls do for each stretch of pixels of one colour, in order.
func eachStretch(img *image.RGBA, do func(c color.RGBA, start, end int)) {
	pix := img.Pix
	at := func(i int) color.RGBA { return color.RGBA{pix[4*i], pix[4*i+1], pix[4*i+2], 0xff} }
	for start, n := 0, len(pix)/4; start < n; {
		c, end := at(start), start+1
		for end < n && at(end) == c {
			end++
		}
		do(c, start, end)
		start = end
	}
}
