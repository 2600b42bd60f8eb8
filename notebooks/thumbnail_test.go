package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
)

func TestThumbnailOf(t *testing.T) {
	figure := image.NewPaletted(image.Rect(0, 0, 1200, 1600), color.Palette{color.White, color.Black})
	for x := range 1200 {
		for y := range 600 {
			figure.SetColorIndex(x, y, 1)
		}
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, figure); err != nil {
		t.Fatal(err)
	}
	notebook := fmt.Sprintf(`{"cells": [{"cell_type": "markdown"}, {"outputs": [{"data": {"text/plain": "x"}}, {"data": {"image/png": "%s\n"}}]}]}`,
		base64.StdEncoding.EncodeToString(picture.Bytes()))
	small, err := thumbnailOf([]byte(notebook))
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	// As wide as a thumbnail, as high as wide at most; the top half of the width's square is black.
	if got.Bounds() != image.Rect(0, 0, thumbnailWidth, thumbnailWidth) {
		t.Errorf("bounds %v", got.Bounds())
	}
	for y, want := range map[int]color.Color{10: color.Black, thumbnailWidth/2 - 5: color.Black, thumbnailWidth/2 + 5: color.White} {
		r, g, b, _ := got.At(100, y).RGBA()
		if wr, wg, wb, _ := want.RGBA(); r != wr || g != wg || b != wb {
			t.Errorf("at y = %d: %v, want %v", y, got.At(100, y), want)
		}
	}
	if small, err := thumbnailOf([]byte(`{"cells": [{"outputs": [{"data": {"text/plain": "x"}}]}]}`)); small != nil || err != nil {
		t.Errorf("of a notebook without a figure: %d bytes, %v", len(small), err)
	}
	if _, err := thumbnailOf([]byte(`{"cells": [{"outputs": [{"data": {"image/png": "AAAA"}}]}]}`)); err == nil {
		t.Error("no error for a figure that is no picture")
	}
}

// TestThumbnails checks that the thumbnails are those of the committed notebooks.
func TestThumbnails(t *testing.T) {
	w := testWorkbook(t)
	for _, b := range committed(t, w) {
		want, err := thumbnailOf(b.data)
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		if got, err := os.ReadFile(w.thumbnail(b.name)); want != nil && (err != nil || !alike(got, want)) {
			t.Errorf("%s: its thumbnail is not its first figure's (%v): go run ./notebooks run %s", b.name, err, b.name)
		}
	}
}

// alike reports whether two pictures are the same but for what processors make of the last digit of a colour.
func alike(a, b []byte) bool {
	x, errX := png.Decode(bytes.NewReader(a))
	y, errY := png.Decode(bytes.NewReader(b))
	if errX != nil || errY != nil || x.Bounds() != y.Bounds() {
		return false
	}
	different := 0
	for i := range x.Bounds().Dx() {
		for k := range x.Bounds().Dy() {
			r, _, _, _ := x.At(i, k).RGBA()
			s, _, _, _ := y.At(i, k).RGBA()
			if max(r, s)-min(r, s) > 0x800 {
				different++
			}
		}
	}
	return different < x.Bounds().Dx()*x.Bounds().Dy()/1000
}
