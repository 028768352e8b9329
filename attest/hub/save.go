package hub

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

const (
	// readAhead is how much is asked for at least: a header costs one request then.
	readAhead = 64 << 10

	// maxHeaders bounds what of headers and indexes is held while a sample is taken.
	maxHeaders = 1 << 30

	maxWhole = 1 << 30 // of a tokenizer, say
)

// Source is where a sample is taken from.
type Source interface {
	// Bytes returns size bytes of a listed file from an offset on, and no others.
	Bytes(f File, offset, size int64) (io.ReadCloser, error)
}

// Save takes a sample of the model that raw, an answer of the hub's API, lists, and
// writes it to w. The seed is asked for when the listing and all headers are fixed, so
// that nobody who could change them knows it. Progress is told how many bytes of files
// came; it may be nil.
func Save(w io.Writer, about About, raw []byte, from Source, seed func() (attest.Hash, error), progress func(read, total int64)) (*Plan, error) {
	listing, err := parseAPI(raw, false)
	if err != nil {
		return nil, err
	}
	about.Format, about.Revision = savedFormat, listing.Revision
	s := &saver{from: from, z: zip.NewWriter(w), listing: listing, files: map[string]int{}, progress: progress}
	for i, f := range listing.Files {
		s.files[f.Path] = i
	}
	if s.fsys, err = NewSparse(listing.Files); err != nil {
		return nil, err
	}
	s.fsys.Fetch = s.fetch
	l, err := model.OpenLayout(s.fsys, model.Options{Weights: about.Weights})
	if err != nil {
		return nil, err
	}
	if about.Seed, err = seed(); err != nil {
		return nil, err
	}
	chosen, err := Draw(about.Seed, about.Draws, l.Pieces())
	if err != nil {
		return nil, err
	}
	plan, err := s.plan(l, chosen)
	if err != nil {
		return nil, err
	}
	plan.About = about
	for _, part := range plan.parts {
		if err := s.copy(part); err != nil {
			return nil, err
		}
	}
	text, err := json.MarshalIndent(about, "", " ")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.store(savedListing, raw), s.store(savedSample, append(text, '\n'))); err != nil {
		return nil, err
	}
	return plan, s.z.Close()
}

// Plan says what a sample reads.
type Plan struct {
	About
	Tensors, Of  int
	Bytes, OfAll uint64

	parts []part
}

type part struct {
	file         int
	offset, size int64
}

type saver struct {
	from     Source
	z        *zip.Writer
	listing  *Listing
	files    map[string]int
	fsys     *Sparse
	held     int64
	progress func(read, total int64)

	read, total int64
}

// fetch gets bytes of headers, which are kept at once.
func (s *saver) fetch(name string, offset, n int64) ([]byte, error) {
	i := s.files[name]
	f := s.listing.Files[i]
	n = min(max(n, readAhead), int64(*f.Size)-offset)
	if s.held += n; s.held > maxHeaders {
		return nil, fmt.Errorf("headers of more than %d bytes", maxHeaders)
	}
	body, err := s.from.Bytes(f, offset, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return data, s.store(rangeName(i, offset), data)
}

// plan lists what is read beside headers: the files of roles, and the drawn tensors.
func (s *saver) plan(l *model.Layout, chosen []int) (*Plan, error) {
	out := &Plan{}
	add := func(name string, offset, size int64) {
		if offset, size = s.fsys.Missing(name, offset, size); size > 0 {
			out.parts = append(out.parts, part{s.files[name], offset, size})
			s.total += size
		}
	}
	for _, f := range s.listing.Files {
		if !l.NeedsAll(f.Path) {
			continue
		}
		if *f.Size > maxWhole {
			return nil, fmt.Errorf("file %.200q of %d bytes is read in full, the most is %d", f.Path, *f.Size, maxWhole)
		}
		add(f.Path, 0, int64(*f.Size))
	}
	for i, p := range l.Pieces() {
		out.Of += len(p.Tensors)
		out.OfAll += p.Size
		if len(chosen) == 0 || chosen[0] != i {
			continue
		}
		chosen = chosen[1:]
		out.Tensors += len(p.Tensors)
		out.Bytes += p.Size
		add(p.File, int64(p.Begin), int64(p.Size))
	}
	return out, nil
}

// copy saves a part as it comes.
func (s *saver) copy(p part) error {
	f := s.listing.Files[p.file]
	body, err := s.from.Bytes(f, p.offset, p.size)
	if err != nil {
		return err
	}
	defer body.Close()
	w, err := s.z.CreateHeader(&zip.FileHeader{Name: rangeName(p.file, p.offset), Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, &advancing{body, s})
	return err
}

type advancing struct {
	io.Reader
	s *saver
}

func (a *advancing) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.s.read += int64(n)
	if a.s.progress != nil {
		a.s.progress(a.s.read, a.s.total)
	}
	return n, err
}

func (s *saver) store(name string, data []byte) error {
	w, err := s.z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
