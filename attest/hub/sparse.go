package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sparse is a file system of which all names and sizes are known and only some bytes.
// Reading others asks Fetch for them, or fails.
type Sparse struct {
	files map[string]*sparseFile

	// Fetch returns bytes of a file, at least n from offset on. Nil: there are no more.
	Fetch func(name string, offset, n int64) ([]byte, error)
}

type sparseFile struct {
	name string
	size int64

	mu     sync.Mutex
	ranges []span // by offset
}

// span is bytes that are there.
type span struct {
	offset, size int64
	io.ReaderAt  // from 0 to size
}

// NewSparse is a file system of the listed files, all of whose sizes must be known.
func NewSparse(files []File) (*Sparse, error) {
	s := &Sparse{files: map[string]*sparseFile{}}
	for _, f := range files {
		if f.Size == nil || *f.Size > 1<<62 {
			return nil, fmt.Errorf("file %.200q is listed without a size", f.Path)
		}
		s.files[f.Path] = &sparseFile{name: f.Path, size: int64(*f.Size)}
	}
	return s, nil
}

// Add says that size bytes of a file from an offset on are those of r, from 0 on.
func (s *Sparse) Add(name string, offset, size int64, r io.ReaderAt) error {
	f := s.files[name]
	if f == nil {
		return fmt.Errorf("no file %.200q is listed", name)
	}
	if offset < 0 || size < 0 || offset > f.size || size > f.size-offset {
		return fmt.Errorf("file %.200q: %d bytes from byte %d on are beyond its end at %d", name, size, offset, f.size)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(span{offset, size, r})
	return nil
}

func (f *sparseFile) add(r span) {
	at, _ := slices.BinarySearchFunc(f.ranges, r.offset, func(s span, offset int64) int {
		if s.offset <= offset {
			return -1
		}
		return 1
	})
	f.ranges = slices.Insert(f.ranges, at, r)
}

// Missing cuts off the beginning of a run of bytes that is there already.
func (s *Sparse) Missing(name string, offset, size int64) (int64, int64) {
	f := s.files[name]
	f.mu.Lock()
	defer f.mu.Unlock()
	for size > 0 {
		r := f.at(offset)
		if r == nil {
			break
		}
		n := min(size, r.offset+r.size-offset)
		offset, size = offset+n, size-n
	}
	return offset, size
}

// at finds the bytes at an offset that reach furthest.
func (f *sparseFile) at(offset int64) *span {
	var best *span
	for i := range f.ranges {
		r := &f.ranges[i]
		if r.offset > offset {
			break
		}
		if end := r.offset + r.size; end > offset && (best == nil || end > best.offset+best.size) {
			best = r
		}
	}
	return best
}

// Open implements fs.FS.
func (s *Sparse) Open(name string) (fs.File, error) {
	f := s.files[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	o := &openSparse{sparseFile: f, of: s}
	o.SectionReader = io.NewSectionReader(readerAt(o.readAt), 0, f.size)
	return o, nil
}

type readerAt func(p []byte, offset int64) (int, error)

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) { return r(p, offset) }

type openSparse struct {
	*sparseFile
	*io.SectionReader
	of *Sparse
}

func (o *openSparse) Close() error               { return nil }
func (o *openSparse) Stat() (fs.FileInfo, error) { return sparseInfo{o.sparseFile}, nil }

func (o *openSparse) readAt(p []byte, offset int64) (int, error) {
	total := 0
	for len(p) > 0 {
		r, err := o.bytesAt(offset, int64(len(p)))
		if err != nil {
			return total, err
		}
		n := min(int64(len(p)), r.offset+r.size-offset)
		if got, err := r.ReadAt(p[:n], offset-r.offset); int64(got) < n {
			return total + got, err
		}
		total, p, offset = total+int(n), p[n:], offset+n
	}
	return total, nil
}

func (o *openSparse) bytesAt(offset, n int64) (*span, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.at(offset); r != nil {
		return r, nil
	}
	if o.of.Fetch == nil {
		return nil, fmt.Errorf("the bytes from %d on were not saved", offset)
	}
	data, err := o.of.Fetch(o.name, offset, n)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) < n || int64(len(data)) > o.size-offset {
		return nil, fmt.Errorf("%d bytes from %d on came, want %d", len(data), offset, n)
	}
	o.add(span{offset, int64(len(data)), strings.NewReader(string(data))})
	return o.at(offset), nil
}

// Stat implements fs.StatFS.
func (s *Sparse) Stat(name string) (fs.FileInfo, error) {
	if f := s.files[name]; f != nil {
		return sparseInfo{f}, nil
	}
	if _, err := s.ReadDir(name); err == nil {
		return sparseDir(path.Base(name)), nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// ReadDir implements fs.ReadDirFS.
func (s *Sparse) ReadDir(name string) ([]fs.DirEntry, error) {
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	inside := map[string]fs.DirEntry{}
	for full, f := range s.files {
		rest, ok := strings.CutPrefix(full, prefix)
		if !ok {
			continue
		}
		first, _, folder := strings.Cut(rest, "/")
		if folder {
			inside[first] = fs.FileInfoToDirEntry(sparseDir(first))
		} else {
			inside[first] = fs.FileInfoToDirEntry(sparseInfo{f})
		}
	}
	out := make([]fs.DirEntry, 0, len(inside))
	for _, e := range inside {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	if len(out) == 0 && name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a folder")}
	}
	return out, nil
}

type sparseInfo struct{ f *sparseFile }

func (i sparseInfo) Name() string       { return path.Base(i.f.name) }
func (i sparseInfo) Size() int64        { return i.f.size }
func (i sparseInfo) Mode() fs.FileMode  { return 0o444 }
func (i sparseInfo) ModTime() time.Time { return time.Time{} }
func (i sparseInfo) IsDir() bool        { return false }
func (i sparseInfo) Sys() any           { return nil }

type sparseDir string

func (d sparseDir) Name() string     { return string(d) }
func (sparseDir) Size() int64        { return 0 }
func (sparseDir) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (sparseDir) ModTime() time.Time { return time.Time{} }
func (sparseDir) IsDir() bool        { return true }
func (sparseDir) Sys() any           { return nil }
