package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/image/draw"
)

// A thumbnail is a notebook's first figure, small, for the table of contents.
const thumbnailWidth = 300 // pixels

func (w *workbook) thumbnail(name string) string {
	return filepath.Join(w.pages(), "thumbnails", name+".png")
}

// writeThumbnail makes the thumbnail of a notebook that was run. A notebook without a figure has none.
func (w *workbook) writeThumbnail(name string) error {
	notebook, err := os.ReadFile(w.notebook(name))
	if err != nil {
		return err
	}
	small, err := thumbnailOf(notebook)
	if err != nil || small == nil {
		return err
	}
	path := w.thumbnail(name)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, small) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, small, 0o644)
}

// thumbnailOf returns the first figure of a notebook as a small PNG, nil if it has no figure.
func thumbnailOf(notebook []byte) ([]byte, error) {
	var book struct {
		Cells []struct {
			Outputs []struct {
				Data map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(notebook, &book); err != nil {
		return nil, err
	}
	for _, c := range book.Cells {
		for _, out := range c.Outputs {
			var text string
			if json.Unmarshal(out.Data["image/png"], &text) != nil {
				continue
			}
			figure, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
			if err != nil {
				return nil, fmt.Errorf("a figure that is no picture: %w", err)
			}
			return shrink(figure)
		}
	}
	return nil, nil
}

// shrink scales a PNG down to the width of a thumbnail, and crops it to that width as its height. It keeps the palette, which
// makes it small.
func shrink(figure []byte) ([]byte, error) {
	large, err := png.Decode(bytes.NewReader(figure))
	if err != nil {
		return nil, fmt.Errorf("a figure that is no picture: %w", err)
	}
	size := large.Bounds().Size()
	height := min(size.Y*thumbnailWidth/size.X, thumbnailWidth)
	from := image.Rect(0, 0, size.X, height*size.X/thumbnailWidth).Add(large.Bounds().Min)
	small := image.NewRGBA(image.Rect(0, 0, thumbnailWidth, height))
	draw.CatmullRom.Scale(small, small.Bounds(), large, from, draw.Src, nil)
	var out bytes.Buffer
	if paletted, ok := large.(*image.Paletted); ok {
		mapped := image.NewPaletted(small.Bounds(), paletted.Palette)
		draw.Draw(mapped, mapped.Bounds(), small, image.Point{}, draw.Src)
		err = png.Encode(&out, mapped)
	} else {
		err = png.Encode(&out, small)
	}
	return out.Bytes(), err
}
