package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"
)

// allocates returns how many bytes a call allocates.
func allocates(call func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// FuzzRead hands the reader a file of any content. It gives items of the right length and range, which make up the file again, or a
// FormatError that says which file, what was found and what was wanted; and it asks for no more memory than the file can fill.
func FuzzRead(f *testing.F) {
	for _, gz := range []bool{false, true} {
		for _, seed := range [][]byte{
			images(2), labels(3), images(1)[:20], labels(3)[:5], append(labels(2), 0), append(images(1), labels(1)...), nil,
			{0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 28, 0, 0, 0, 28}, {0, 0, 8, 3, 0, 0xf, 0xff, 0xff, 0, 0, 0, 28, 0, 0, 0, 28},
			{0, 0, 8, 1, 0, 0xf, 0xff, 0xff}, {0, 0, 0xc, 2, 0, 0, 0, 1, 0, 0, 0, 8}, []byte("<html>"), []byte("label,pixel0"), packed(f, labels(2)),
		} {
			if gz {
				seed = packed(f, seed)
			}
			f.Add(seed, true, gz)
			f.Add(seed, false, gz)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, isImages, gz bool) {
		magic, size, limit := uint32(labelMagic), 1, Classes
		if isImages {
			magic, size, limit = imageMagic, Pixels, 256
		}
		name, unpacked := "file", content
		if gz {
			name = "file.gz"
			if r, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
				unpacked, _ = io.ReadAll(r)
			}
		}
		fsys := fstest.MapFS{name: {Data: content}}
		var read file
		var err error
		grown := allocates(func() { read, err = readIDX(fsys, []string{"file", "file.gz"}, magic) })
		if most := 8*len(unpacked) + 1<<18; grown > most {
			t.Errorf("%d bytes allocated for a file of %d, %d unpacked", grown, len(content), len(unpacked))
		}
		if err != nil {
			var format *FormatError
			if !errors.As(err, &format) || format.File != name || format.Found == "" || format.Want == "" {
				t.Errorf("error %#v, want a FormatError for %s", err, name)
			}
			return
		}
		if read.opened != name || len(read.items) == 0 || len(read.items)%size != 0 || int(slices.Max(read.items)) >= limit {
			t.Errorf("%s: %d items up to %d", read.opened, len(read.items), slices.Max(read.items))
		}
		again := labels(0)
		if isImages {
			again = images(0)
		}
		copy(again[4:8], unpacked[4:8])
		if len(read.items) != size*(int(again[7])|int(again[6])<<8|int(again[5])<<16) || !bytes.Equal(append(again, read.items...), unpacked) {
			t.Errorf("what was read is not what the file holds: %d items of %d bytes", len(read.items), len(unpacked))
		}
	})
}

// TestBomb reads packed files that are far larger unpacked, or say so.
func TestBomb(t *testing.T) {
	header := images(0)
	copy(header[4:], []byte{0, 0xf, 0xff, 0xff}) // of a million images
	zeros := make([]byte, 1<<20)
	for name, content := range map[string][]byte{
		"a header that promises": header,
		"and more zeros":         append(header, zeros...),
		"zeros alone":            zeros,
		"labels and zeros":       append(labels(2), zeros...),
	} {
		gz := packed(t, content)
		// As large as the header says that it must be, by what cannot be unpacked.
		gz = append(gz, make([]byte, 1<<20)...)
		var err error
		grown := allocates(func() { _, err = readIDX(fstest.MapFS{"file.gz": {Data: gz}}, []string{"file.gz"}, imageMagic) })
		var format *FormatError
		if !errors.As(err, &format) {
			t.Errorf("%s: %v", name, err)
		}
		if most := 8*len(content) + 1<<18; grown > most {
			t.Errorf("%s: %d bytes allocated, of %d unpacked", name, grown, len(content))
		}
	}
}
