package data

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"
)

// The IDX format, as the page of the MNIST database describes it: a magic number (two zero bytes, the type of the
// items, the number of dimensions), the size of each dimension, then the items, row-major. All numbers are big-endian.
const (
	labelMagic = 0x00000801 // unsigned bytes, one dimension
	imageMagic = 0x00000803 // unsigned bytes, three dimensions

	// maxCount is the largest number of items that is read. It keeps a damaged or hostile header from asking for more
	// memory than a machine has; MNIST and its relatives stay far below.
	maxCount = 1 << 20

	// maxDeflate is the largest number of bytes that one byte of a deflate stream can stand for: 258 in two bits.
	maxDeflate = 1032

	// usualDeflate is more than what one byte stands for in MNIST, 4.8.
	usualDeflate = 6
)

// FormatError reports a file that is not what the reader was told to expect.
type FormatError struct {
	File  string // name of the file
	Found string // what it holds
	Want  string // what it should hold
	Hint  string // what is probably the matter, if that can be told
	Err   error  // cause, if another error is one: such as gzip.ErrChecksum or io.ErrUnexpectedEOF
}

func (e *FormatError) Error() string {
	s := fmt.Sprintf("data: %s: found %s, want %s", e.File, e.Found, e.Want)
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	if e.Hint != "" {
		s += "; probably " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// file is one of the four files of a data set.
type file struct {
	opened string  // its name
	items  []uint8 // row-major: labels of one byte each, images of Pixels bytes each
	sum    []byte  // sha256 of the unpacked content
	md5    string  // of the packed content, hexadecimal; "": it is not packed
}

// source is an opened file, unpacked.
type source struct {
	*bufio.Reader
	bound int64 // upper bound of the number of bytes
	guess int64 // about how many there are, a few times the packed file's
	gz    bool
	md5   hash.Hash // of what was read of the packed file
	close func() error
}

// open opens the first of names that there is and is no folder; one that ends in .gz is unpacked. It returns the name it opened.
func open(fsys fs.FS, names []string) (s *source, opened string, err error) {
	folder := ""
	for _, opened = range names {
		f, err := fsys.Open(opened)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("data: %w", err)
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, "", fmt.Errorf("data: %w", err)
		}
		if info.IsDir() {
			f.Close()
			folder = cmp.Or(folder, opened)
			continue
		}
		s, err := newSource(f, opened, info.Size())
		if err != nil {
			f.Close()
		}
		return s, opened, err
	}
	if folder != "" {
		return nil, "", &FormatError{File: folder, Found: "a folder" + listed(fsys, folder), Want: "a file"}
	}
	return nil, "", fmt.Errorf("data: none of %s: %w%s", strings.Join(names, ", "), fs.ErrNotExist, listed(fsys, "."))
}

// newSource returns the source of an opened file of some size.
func newSource(f fs.File, name string, size int64) (*source, error) {
	if !strings.HasSuffix(name, ".gz") {
		return &source{Reader: bufio.NewReaderSize(f, beginning), bound: size, close: f.Close}, nil
	}
	sum := md5.New()
	packed := bufio.NewReader(io.TeeReader(f, sum))
	begin, _ := packed.Peek(beginning)
	found, hint := guess(begin, 0) // if it is not gzip
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil, &FormatError{File: name, Found: found, Want: "a gzip file", Hint: hint, Err: err}
	}
	// Dividing first keeps a size of any value from overflowing.
	bound := int64(16 + maxCount*Pixels)
	if size < bound/maxDeflate {
		bound = size * maxDeflate
	}
	return &source{Reader: bufio.NewReaderSize(unpacked, beginning), bound: bound, guess: min(bound, usualDeflate*min(size, bound)), gz: true, md5: sum, close: f.Close}, nil
}

// listed says what a folder holds, for a reader who looks for a file; "" if that cannot be told.
func listed(fsys fs.FS, folder string) string {
	entries, err := fs.ReadDir(fsys, folder)
	if err != nil {
		return ""
	}
	if len(entries) == 0 {
		return "; the folder is empty"
	}
	const most = 8
	var names []string
	for _, e := range entries[:min(len(entries), most)] {
		names = append(names, e.Name())
	}
	if more := len(entries) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return "; the folder holds " + strings.Join(names, ", ")
}

// readIDX reads the first of names that there is.
func readIDX(fsys fs.FS, names []string, magic uint32) (f file, err error) {
	r, opened, err := open(fsys, names)
	if err != nil {
		return file{}, err
	}
	defer r.close()
	fail := func(found, want, hint string, cause error) (file, error) {
		return file{}, &FormatError{opened, found, want, hint, cause}
	}
	const unfinished = "a download or a copy that did not finish"

	header, size, kind := make([]byte, 8), 1, "labels"
	if magic == imageMagic {
		header, size, kind = make([]byte, 16), Pixels, "images"
	}
	begin, err := r.Peek(beginning)
	switch {
	case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
		return fail("an unreadable header", fmt.Sprintf("a header of %d bytes", len(header)), unfinished, err)
	case len(begin) == 0:
		return fail("nothing, 0 bytes", fmt.Sprintf("a header of %d bytes", len(header)), unfinished, io.ErrUnexpectedEOF)
	case len(begin) < 4 || binary.BigEndian.Uint32(begin) != magic:
		found, hint := guess(begin, magic)
		return fail(found, fmt.Sprintf("%#08x of IDX %s", magic, kind), hint, nil)
	case len(begin) < len(header):
		return fail(fmt.Sprintf("%d bytes", len(begin)), fmt.Sprintf("a header of %d bytes", len(header)), unfinished, io.ErrUnexpectedEOF)
	}
	io.ReadFull(r, header) // all of it was seen
	count := binary.BigEndian.Uint32(header[4:])
	if count == 0 || count > maxCount {
		return fail(fmt.Sprintf("a count of %d %s", count, kind), fmt.Sprintf("1 to %d", maxCount), "", nil)
	}
	if magic == imageMagic {
		rows, columns := binary.BigEndian.Uint32(header[8:]), binary.BigEndian.Uint32(header[12:])
		if rows != Side || columns != Side {
			return fail(fmt.Sprintf("images of %d by %d", rows, columns), fmt.Sprintf("%d by %d", Side, Side), "", nil)
		}
	}
	want := fmt.Sprintf("%d for %d %s", len(header)+int(count)*size, count, kind)
	if int64(len(header))+int64(count)*int64(size) > r.bound {
		return fail(fmt.Sprintf("at most %d bytes", r.bound), want, unfinished, io.ErrUnexpectedEOF)
	}

	items, err := r.read(int(count) * size)
	switch n := len(header) + len(items); {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return fail(fmt.Sprintf("%d bytes", n), want, unfinished, io.ErrUnexpectedEOF)
	case err != nil:
		return fail(fmt.Sprintf("an unreadable file after %d bytes", n), want, unfinished, err)
	}
	// Reading on finds trailing bytes and makes gzip compare its checksum.
	const most = 1 << 16
	switch n, err := io.CopyN(io.Discard, r, most); {
	case n == most:
		return fail(fmt.Sprintf("at least %d bytes", len(header)+len(items)+most), want, "two files in one", nil)
	case n > 0:
		return fail(fmt.Sprintf("%d more bytes, %d", n, int64(len(header)+len(items))+n), want, "a longer header than IDX has, or something behind the "+kind, nil)
	case err != io.EOF:
		return fail("an unreadable end of file", want, unfinished, err)
	}
	if magic == labelMagic {
		for i, label := range items {
			if label >= Classes {
				return fail(fmt.Sprintf("label %d at index %d", label, i), fmt.Sprintf("0 to %d", Classes-1),
					"a set of more classes, or of other names for them, such as EMNIST's letters", nil)
			}
		}
	}
	sum := sha256.New()
	sum.Write(header)
	sum.Write(items)
	f = file{opened: opened, items: items, sum: sum.Sum(nil)}
	if r.gz {
		f.md5 = hex.EncodeToString(r.md5.Sum(nil))
	}
	return f, nil
}

// read returns the next n bytes, or fewer and an error. What a packed file says it holds is not believed: memory grows with what
// comes out of it, after a first guess of a few times the file, so that MNIST is not copied while it is unpacked.
func (s *source) read(n int) ([]byte, error) {
	if !s.gz {
		b := make([]byte, n)
		got, err := io.ReadFull(s, b)
		return b[:got], err
	}
	var b []byte
	least := int(max(s.guess, 1<<16))
	for len(b) < n {
		at := len(b)
		// Not slices.Grow: under the race detector it allocates what it grows by once more.
		grown := make([]byte, min(n, at+max(at, least)))
		copy(grown, b)
		got, err := io.ReadFull(s, grown[at:])
		if b = grown[:at+got]; err != nil {
			return b, err
		}
	}
	return b, nil
}
