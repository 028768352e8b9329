package attest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
)

// Sizes of a zip's records without what varies in them, and their signatures
// (APPNOTE.TXT 6.3.10, section 4.3).
const (
	localSize      = 30
	listedSize     = 46
	endSize        = 22
	end64Size      = 56
	locatorSize    = 20
	localMark      = 0x04034b50
	listedMark     = 0x02014b50
	descriptorMark = 0x08074b50
	endMark        = 0x06054b50
	end64Mark      = 0x06064b50
	locatorMark    = 0x07064b50

	flagDescriptor = 1 << 3
	harmlessFlags  = 1<<1 | 1<<2 | flagDescriptor | 1<<11 // how hard it was compressed; UTF-8
	unicodePath    = 0x7075                               // an extra field with another name for the file
)

var le = binary.LittleEndian

// openZip lists the files of a zip that all readers of zips see alike: one file
// after another from the first byte on, then the directory, then its end, and nothing
// between them, before or behind. Archive/zip goes by the directory alone; a reader
// that goes by the files' own headers, as one that streams does, could be shown
// another pack.
func openZip(r io.ReaderAt, size int64) ([]*zip.File, error) {
	count, start, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) != count {
		return nil, fmt.Errorf("%d files in its directory, which says %d", len(z.File), count)
	}
	at := int64(0)
	for _, f := range inPlace(z.File) {
		if at, err = checkLocal(r, at, f.File, f.data); err != nil {
			return nil, fmt.Errorf("%q: %w", clip(f.Name), err)
		}
	}
	if at != start {
		return nil, fmt.Errorf("%d bytes between the last file and the directory", start-at)
	}
	return z.File, nil
}

// readDirectory checks that the zip ends with a directory and its end record, and
// returns how many files it lists and where it starts.
func readDirectory(r io.ReaderAt, size int64) (count int, start int64, err error) {
	end, err := readEnd(r, size)
	if err != nil {
		return 0, 0, err
	}
	if end.count > maxPackFiles {
		return 0, 0, fmt.Errorf("%d files, at most %d are read", end.count, maxPackFiles)
	}
	if end.start > uint64(size) || end.start+end.length != uint64(end.at) {
		return 0, 0, errors.New("something precedes the zip, or lies between its directory and its end")
	}
	at := int64(end.start)
	for range end.count {
		h, err := record(r, at, listedSize, listedMark)
		if err != nil {
			return 0, 0, fmt.Errorf("directory: %w", err)
		}
		at += listedSize + int64(le.Uint16(h[28:])) + int64(le.Uint16(h[30:])) + int64(le.Uint16(h[32:]))
	}
	if at != end.at {
		return 0, 0, fmt.Errorf("the directory of %d files does not end where it says", end.count)
	}
	return int(end.count), int64(end.start), nil
}

type zipEnd struct {
	at                   int64 // where the end begins
	count, start, length uint64
}

// readEnd reads the end record, and the one of zip64 before it if there is one: some
// readers go by the second whatever the first says.
func readEnd(r io.ReaderAt, size int64) (zipEnd, error) {
	h, err := record(r, size-endSize, endSize, endMark)
	if err != nil {
		return zipEnd{}, fmt.Errorf("not a zip, or something follows it: %w", err)
	}
	short := zipEnd{size - endSize, uint64(le.Uint16(h[10:])), uint64(le.Uint32(h[16:])), uint64(le.Uint32(h[12:]))}
	if le.Uint32(h[4:]) != 0 || uint64(le.Uint16(h[8:])) != short.count || le.Uint16(h[20:]) != 0 {
		return zipEnd{}, errors.New("a zip of several parts or with a comment")
	}
	locator, err := record(r, short.at-locatorSize, locatorSize, locatorMark)
	if err != nil {
		return short, nil
	}
	at := short.at - locatorSize - end64Size
	h, err = record(r, at, end64Size, end64Mark)
	if err != nil {
		return zipEnd{}, fmt.Errorf("zip64: %w", err)
	}
	end := zipEnd{at, le.Uint64(h[32:]), le.Uint64(h[48:]), le.Uint64(h[40:])}
	either := func(short, long, most uint64) bool { return short == long || short == most }
	if le.Uint64(h[4:]) != end64Size-12 || le.Uint64(h[16:]) != 0 || le.Uint64(h[24:]) != end.count ||
		le.Uint32(locator[4:]) != 0 || le.Uint64(locator[8:]) != uint64(at) || le.Uint32(locator[16:]) != 1 ||
		!either(short.count, end.count, 0xffff) || !either(short.start, end.start, 0xffffffff) || !either(short.length, end.length, 0xffffffff) {
		return zipEnd{}, errors.New("two records of where the directory is, which differ")
	}
	return end, nil
}

// record reads n bytes that begin with a signature.
func record(r io.ReaderAt, at, n int64, mark uint32) ([]byte, error) {
	buf := make([]byte, n)
	if at < 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if _, err := r.ReadAt(buf, at); err != nil && err != io.EOF {
		return nil, err
	}
	if le.Uint32(buf) != mark {
		return nil, fmt.Errorf("no record %#08x at byte %d", mark, at)
	}
	return buf, nil
}

type placedFile struct {
	*zip.File
	data int64 // where its data begin
}

// inPlace puts files in the order in which they lie in the zip.
func inPlace(files []*zip.File) []placedFile {
	placed := make([]placedFile, len(files))
	for i, f := range files {
		at, err := f.DataOffset()
		if err != nil {
			at = -1 // which no header leads to
		}
		placed[i] = placedFile{f, at}
	}
	// By package sort: slices makes kilobytes of code of each type, which a browser loads.
	sort.SliceStable(placed, func(i, j int) bool { return placed[i].data < placed[j].data })
	return placed
}

// checkLocal holds a file's own header, which must begin at byte at, against what the
// directory says of it, and returns where the file ends.
func checkLocal(r io.ReaderAt, at int64, f *zip.File, data int64) (int64, error) {
	h, err := record(r, at, localSize, localMark)
	if err != nil {
		return 0, fmt.Errorf("does not follow the file before it: %w", err)
	}
	name := make([]byte, int(le.Uint16(h[26:]))+int(le.Uint16(h[28:])))
	if _, err := r.ReadAt(name, at+localSize); err != nil {
		return 0, err
	}
	name, extra := name[:le.Uint16(h[26:])], name[le.Uint16(h[26:]):]
	flags, method := le.Uint16(h[6:]), le.Uint16(h[8:])
	described := flags&flagDescriptor != 0
	same := func(local uint32, listed uint64) bool { return uint64(local) == listed || described && local == 0 }
	switch {
	case data != at+localSize+int64(len(name)+len(extra)):
		return 0, errors.New("does not follow the file before it: the two overlap, or something lies between")
	case string(name) != f.Name || hasField(extra, unicodePath) || hasField(f.Extra, unicodePath):
		return 0, fmt.Errorf("has another name, %q, beside the one in the directory", clip(string(name)))
	case flags != f.Flags || method != f.Method:
		return 0, errors.New("its own header and the directory say differently how it is stored")
	case flags&^harmlessFlags != 0 || method != zip.Store && method != zip.Deflate:
		return 0, fmt.Errorf("is encrypted, or stored in a way that not every reader knows (flags %#x, method %d)", flags, method)
	case !same(le.Uint32(h[14:]), uint64(f.CRC32)) || !same(le.Uint32(h[18:]), f.CompressedSize64) || !same(le.Uint32(h[22:]), f.UncompressedSize64):
		return 0, errors.New("its own header and the directory say differently how large it is, or give it another checksum")
	}
	end := data + int64(f.CompressedSize64)
	if !described {
		return end, nil
	}
	want := le.AppendUint32(nil, descriptorMark)
	for _, n := range []uint32{f.CRC32, uint32(f.CompressedSize64), uint32(f.UncompressedSize64)} {
		want = le.AppendUint32(want, n)
	}
	if got, err := record(r, end, int64(len(want)), descriptorMark); err != nil || !bytes.Equal(got, want) {
		return 0, errors.New("what follows it and the directory say differently how large it is, or give it another checksum")
	}
	return end + int64(len(want)), nil
}

// hasField reports whether a header's extra fields have one of that kind.
func hasField(extra []byte, kind uint16) bool {
	for len(extra) >= 4 {
		if le.Uint16(extra) == kind {
			return true
		}
		extra = extra[min(4+int(le.Uint16(extra[2:])), len(extra)):]
	}
	return false
}
