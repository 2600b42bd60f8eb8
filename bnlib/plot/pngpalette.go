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

// encode writes an image as PNG.
func encode(img *image.Paletted) ([]byte, error) {
	var out bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, img)
	return out.Bytes(), err
}

// withPalette returns an opaque image with a palette of its 256 most frequent colours, those in keep before all others, which
// makes a PNG a third the size. A drawing has a handful of colours and, along the edges of lines and letters, some hundreds of
// blends between them; the rarest blends become the nearest of those that are kept.
func withPalette(img *image.RGBA, keep []color.RGBA) *image.Paletted {
	counts := map[color.RGBA]int{}
	eachStretch(img, func(c color.RGBA, start, end int) { counts[c] += end - start })
	for _, c := range keep {
		if n, used := counts[c]; used && n < len(img.Pix) {
			counts[c] += len(img.Pix)
		}
	}
	frequent := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := make(color.Palette, 0, 256)
	index := make(map[color.RGBA]uint8, len(frequent))
	for i, c := range frequent {
		if i < cap(palette) {
			palette = append(palette, c)
			index[c] = uint8(i)
		} else {
			index[c] = uint8(palette.Index(c))
		}
	}
	p := &image.Paletted{Pix: make([]uint8, len(img.Pix)/4), Stride: img.Stride / 4, Rect: img.Rect, Palette: palette}
	eachStretch(img, func(c color.RGBA, start, end int) {
		at := index[c]
		for i := start; i < end; i++ {
			p.Pix[i] = at
		}
	})
	return p
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
