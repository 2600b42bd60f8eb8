package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// beginning is how many bytes of a file are looked at to say what it is.
const beginning = 256

// itemTypes are the types of an IDX file's items, by the third byte of its magic number.
var itemTypes = map[byte]string{0x08: "unsigned bytes", 0x09: "signed bytes", 0x0b: "int16", 0x0c: "int32", 0x0d: "float32", 0x0e: "float64"}

// notIDX are files that are met under the names of IDX files, by how they begin, in lower case.
var notIDX = []struct{ begins, is, hint string }{
	{"\x1f\x8b", "a gzip file", "packed twice, or packed without .gz in its name: unpack it once"},
	{"pk\x03\x04", "a zip archive", "unpack it"},
	{"\xfd7zxz\x00", "an xz file", "unpack it"},
	{"bzh", "a bzip2 file", "unpack it"},
	{"\x93numpy", "a NumPy array", "write it as IDX"},
	{"\x89png", "a PNG image", "the files of MNIST hold all images of a set"},
	{"version https://git-lfs", "a pointer of Git LFS", "fetch the file itself: git lfs pull"},
	{"<?xml", "an XML document", "a server's error message in the place of the file: download it again"},
	{"<!doctype html", "an HTML page", "a page of a server or proxy in the place of the file: download it again, past the login"},
	{"<html", "an HTML page", "a page of a server or proxy in the place of the file: download it again, past the login"},
	{"{", "a JSON text", "a server's answer in the place of the file: download it again"},
}

// guess says what a file holds that begins so, and is not what magic stands for, and what is probably the matter; empty if that
// cannot be told.
func guess(begin []byte, magic uint32) (found, hint string) {
	lower := bytes.Clone(bytes.TrimLeftFunc(begin, skipped))
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	for _, known := range notIDX {
		if bytes.HasPrefix(lower, []byte(known.begins)) {
			return known.is, known.hint
		}
	}
	if len(begin) < 4 {
		return fmt.Sprintf("%d bytes", len(begin)), "a download that did not finish"
	}
	number := binary.BigEndian.Uint32(begin)
	found = fmt.Sprintf("magic number %#08x", number)
	kind, dims := itemTypes[begin[2]], begin[3]
	switch {
	case begin[0] == 0 && begin[1] == 0 && kind != "":
		found = fmt.Sprintf("IDX %s in %d dimensions (%s)", kind, dims, found)
		switch {
		case number == imageMagic:
			hint = "images under the name of labels: the names of two files are exchanged"
		case number == labelMagic:
			hint = "labels under the name of images: the names of two files are exchanged"
		case magic == labelMagic && dims == 2:
			hint = "labels with more than the class for each image, such as QMNIST's: keep the first column, as unsigned bytes"
		default:
			hint = "the same numbers in another type: write them as unsigned bytes"
		}
	case bytes.Equal(begin[:4], binary.LittleEndian.AppendUint32(nil, magic)):
		hint = "written with the bytes of its numbers reversed: IDX is big-endian"
	case isText(begin):
		line, _, _ := strings.Cut(string(begin), "\n")
		found, hint = fmt.Sprintf("text, %.40q", strings.TrimSpace(line)), "a table or a message in the place of the file"
	}
	return found, hint
}

// skipped are characters that text may begin with: spaces and the byte order mark.
func skipped(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }

// isText reports whether bytes are printable; the last character may be cut off.
func isText(b []byte) bool {
	for len(b) >= utf8.UTFMax {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		b = b[size:]
	}
	return true
}
