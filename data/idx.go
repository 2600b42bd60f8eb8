package data

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
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
)

// FormatError reports a file that is not what the reader was told to expect.
type FormatError struct {
	File  string // name of the file
	Found string // what it holds
	Want  string // what it should hold
	Err   error  // cause, if another error is one: such as gzip.ErrChecksum or io.ErrUnexpectedEOF
}

func (e *FormatError) Error() string {
	s := fmt.Sprintf("data: %s: found %s, want %s", e.File, e.Found, e.Want)
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// open opens the first of names that there is; one that ends in .gz is unpacked. It returns the name it opened, an upper bound
// of the number of bytes that r yields, and what closes the file.
func open(fsys fs.FS, names []string) (r io.Reader, opened string, bound int64, done func() error, err error) {
	var file fs.File
	for _, opened = range names {
		if file, err = fsys.Open(opened); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", 0, nil, fmt.Errorf("data: none of %s: %w", strings.Join(names, ", "), fs.ErrNotExist)
	}
	if err != nil {
		return nil, "", 0, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, "", 0, nil, fmt.Errorf("data: %w", err)
	}
	if !strings.HasSuffix(opened, ".gz") {
		return file, opened, info.Size(), file.Close, nil
	}
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		file.Close()
		return nil, "", 0, nil, &FormatError{opened, "no gzip header", "a gzip file", err}
	}
	// Dividing first keeps a Size of any value from overflowing.
	bound = 16 + maxCount*Pixels
	if info.Size() < bound/maxDeflate {
		bound = info.Size() * maxDeflate
	}
	return unpacked, opened, bound, file.Close, nil
}

// readIDX reads the items of the first of names that there is, and returns the name it opened and the items, row-major: labels
// of one byte each, images of Pixels bytes each. The whole content of the file, unpacked, goes through sum as well.
func readIDX(fsys fs.FS, names []string, magic uint32, sum io.Writer) (opened string, items []uint8, err error) {
	r, opened, bound, done, err := open(fsys, names)
	if err != nil {
		return "", nil, err
	}
	defer done()
	fail := func(found, want string, cause error) (string, []uint8, error) {
		return opened, nil, &FormatError{opened, found, want, cause}
	}

	header, size, kind := make([]byte, 8), 1, "labels"
	if magic == imageMagic {
		header, size, kind = make([]byte, 16), Pixels, "images"
	}
	switch n, err := io.ReadFull(r, header); {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return fail(fmt.Sprintf("%d bytes", n), fmt.Sprintf("a header of %d bytes", len(header)), io.ErrUnexpectedEOF)
	case err != nil:
		return fail("an unreadable header", fmt.Sprintf("a header of %d bytes", len(header)), err)
	}
	if found := binary.BigEndian.Uint32(header); found != magic {
		return fail(fmt.Sprintf("magic number %#08x", found), fmt.Sprintf("%#08x of IDX %s", magic, kind), nil)
	}
	count := binary.BigEndian.Uint32(header[4:])
	if count == 0 || count > maxCount {
		return fail(fmt.Sprintf("a count of %d %s", count, kind), fmt.Sprintf("1 to %d", maxCount), nil)
	}
	if magic == imageMagic {
		rows, columns := binary.BigEndian.Uint32(header[8:]), binary.BigEndian.Uint32(header[12:])
		if rows != Side || columns != Side {
			return fail(fmt.Sprintf("images of %d by %d", rows, columns), fmt.Sprintf("%d by %d", Side, Side), nil)
		}
	}
	want := fmt.Sprintf("%d for %d %s", len(header)+int(count)*size, count, kind)
	if int64(len(header))+int64(count)*int64(size) > bound {
		return fail(fmt.Sprintf("at most %d bytes", bound), want, io.ErrUnexpectedEOF)
	}

	items = make([]uint8, int(count)*size)
	switch n, err := io.ReadFull(r, items); {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return fail(fmt.Sprintf("%d bytes", len(header)+n), want, io.ErrUnexpectedEOF)
	case err != nil:
		return fail(fmt.Sprintf("an unreadable file after %d bytes", len(header)+n), want, err)
	}
	// Reading on finds trailing bytes and makes gzip compare its checksum.
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return fail("more bytes", want, nil)
	case err != io.EOF:
		return fail("an unreadable end of file", want, err)
	}
	if magic == labelMagic {
		for i, label := range items {
			if label >= Classes {
				return fail(fmt.Sprintf("label %d at index %d", label, i), fmt.Sprintf("0 to %d", Classes-1), nil)
			}
		}
	}
	sum.Write(header)
	sum.Write(items)
	return opened, items, nil
}
