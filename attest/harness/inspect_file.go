package harness

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// MaxInspect is the largest part of an Inspect log that is read, in bytes after
// decompression: a sample of a .eval, or of a .json all but its samples.
const MaxInspect = 256 << 20

var zipMagic = []byte("PK\x03\x04")

const (
	inspectHeader  = "header.json"
	inspectStart   = "_journal/start.json"
	inspectSamples = "samples/"
)

// inspectFile is a log in either form. The members of its header are those of a
// log in one piece without the samples.
type inspectFile struct {
	name    string
	header  map[string]foreign
	cut     bool // there is only the journal: nobody wrote a header
	samples int
	// each yields the samples as logged, each with its place. Errors have the place
	// before them.
	each func(yield func(where string, sample foreign) error) error
}

func openInspectFile(fsys fs.FS, name string) (*inspectFile, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, len(zipMagic))
	if _, err := io.ReadFull(f, start); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if bytes.Equal(start, zipMagic) {
		return openInspectZip(fsys, name)
	}
	return openInspectJSON(fsys, name)
}

func openInspectZip(fsys fs.FS, name string) (*inspectFile, error) {
	file := &inspectFile{name: name}
	err := withZip(fsys, name, func(z *zip.Reader) error {
		part := find(z, inspectHeader)
		if part == nil {
			part, file.cut = find(z, inspectStart), true
		}
		if part == nil {
			return fmt.Errorf("neither %s nor %s: not a log of Inspect", inspectHeader, inspectStart)
		}
		header, err := readPart(part)
		if err != nil {
			return err
		}
		if !header.isObject() {
			return fmt.Errorf("%s: not a JSON object", part.Name)
		}
		file.header = fields(header)
		for _, f := range z.File {
			if isSample(f.Name) {
				file.samples++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	file.each = func(yield func(string, foreign) error) error {
		return withZip(fsys, name, func(z *zip.Reader) error {
			for _, f := range z.File {
				if !isSample(f.Name) {
					continue
				}
				sample, err := readPart(f)
				if err != nil {
					return fmt.Errorf("%s:%w", name, err)
				}
				where := name + ":" + plain(f.Name)
				err = checkPartName(f.Name, sample)
				if err == nil {
					err = yield(where, sample)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", where, err)
				}
			}
			return nil
		})
	}
	return file, nil
}

func isSample(name string) bool {
	return strings.HasPrefix(name, inspectSamples) && strings.HasSuffix(name, ".json")
}

// checkPartName compares a sample with the name it is filed under, by which
// Inspect itself finds it.
func checkPartName(name string, sample foreign) error {
	id, err := inspectID(sample.get("id"))
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s%s_epoch_%s.json", inspectSamples, id, sample.get("epoch")); name != want {
		return fmt.Errorf("holds the sample that belongs in %s", plain(want))
	}
	return nil
}

func find(z *zip.Reader, name string) *zip.File {
	if i := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == name }); i >= 0 {
		return z.File[i]
	}
	return nil
}

// withZip opens an archive and calls do with it.
func withZip(fsys fs.FS, name string, do func(*zip.Reader) error) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, size, err := readerAt(f)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // nothing is extracted: a path is only a name
		return err
	}
	z.RegisterDecompressor(zstd.ZipMethodWinZip, zstd.ZipDecompressor())
	if err := checkZip(z, size); err != nil {
		return err
	}
	return do(z)
}

func readerAt(f fs.File) (io.ReaderAt, int64, error) {
	if r, ok := f.(io.ReaderAt); ok {
		info, err := f.Stat()
		if err != nil {
			return nil, 0, err
		}
		return r, info.Size(), nil
	}
	data, err := readLimited(f)
	return bytes.NewReader(data), int64(len(data)), err
}

// checkZip refuses archives that readers could take in two ways, or that say more
// than they hold.
func checkZip(z *zip.Reader, size int64) error {
	seen := make(map[string]bool, len(z.File))
	held := uint64(0)
	for _, f := range z.File {
		switch {
		case seen[f.Name]:
			return fmt.Errorf("%q is there twice", f.Name)
		case !f.Mode().IsRegular() && !f.Mode().IsDir():
			return fmt.Errorf("%q is a link or no file", f.Name)
		case f.Flags&1 != 0:
			return fmt.Errorf("%q is encrypted", f.Name)
		case f.CompressedSize64 > uint64(size):
			return fmt.Errorf("%q has %d bytes in an archive of %d", f.Name, f.CompressedSize64, size)
		}
		seen[f.Name] = true
		// Parts that overlap let a small archive unpack without end.
		if held += f.CompressedSize64; held > uint64(size) {
			return fmt.Errorf("parts of the archive overlap: together they have more than its %d bytes", size)
		}
	}
	return nil
}

// readPart reads one part of an archive. Its errors begin with the part's name.
func readPart(f *zip.File) (foreign, error) {
	if f.UncompressedSize64 > MaxInspect {
		return nil, fmt.Errorf("%s: larger than %d bytes", plain(f.Name), int64(MaxInspect))
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", plain(f.Name), err)
	}
	defer r.Close()
	v, err := readForeign(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", plain(f.Name), err)
	}
	return v, nil
}

func readForeign(r io.Reader) (foreign, error) {
	data, err := readLimited(r)
	if err != nil {
		return nil, err
	}
	return checkForeign(data)
}

func readLimited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInspect+1))
	if err == nil && len(data) > MaxInspect {
		err = fmt.Errorf("larger than %d bytes", int64(MaxInspect))
	}
	return data, err
}

// fields returns the members of an object by name, for objects that are large or
// asked for often.
func fields(f foreign) map[string]foreign {
	all := map[string]foreign{}
	for _, m := range f.members() {
		all[m.name] = m.value
	}
	return all
}
