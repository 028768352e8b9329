package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

const (
	savedFormat  = "proctor-hub-sample/v1"
	savedSample  = "sample.json"
	savedListing = "listing.json"
	maxRanges    = 1 << 20
)

// Saved is a sample of a published model: its listing, the files of its roles, the
// headers of its weights, and the tensors that were drawn. As a file it is a zip without
// compression: listing.json as the hub answered, sample.json, and bytes of files under
// FILE/OFFSET, where FILE is the file's index in the listing, sorted by path.
type Saved struct {
	About
	Listing *Listing
	fsys    *Sparse
}

// About says where a sample is from and how it was drawn.
type About struct {
	Format   string      `json:"format"`
	Endpoint string      `json:"endpoint"`
	Repo     string      `json:"repo"`
	Revision string      `json:"revision"` // commit
	Fetched  string      `json:"fetched"`  // RFC 3339
	Seed     attest.Hash `json:"seed"`
	Draws    int         `json:"draws"`
	Weights  string      `json:"weights,omitempty"` // the GGUF that was named
}

// IsSaved reports whether a file begins as a saved sample does.
func IsSaved(head []byte) bool { return bytes.HasPrefix(head, []byte("PK\x03\x04")) }

// OpenSaved reads a saved sample. r is used as long as the sample is.
func OpenSaved(r io.ReaderAt, size int64) (*Saved, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("not a saved sample: %w", err)
	}
	if len(z.File) > maxRanges {
		return nil, fmt.Errorf("saved sample of %d parts, the most is %d", len(z.File), maxRanges)
	}
	s := &Saved{}
	seen := map[string]bool{}
	var ranges []*zip.File
	for _, f := range z.File {
		if seen[f.Name] {
			return nil, fmt.Errorf("%.100q is there twice", f.Name)
		}
		seen[f.Name] = true
		if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
			return nil, fmt.Errorf("%.100q is compressed, which samples are not", f.Name)
		}
		switch f.Name {
		case savedSample:
			err = s.readAbout(f)
		case savedListing:
			err = s.readListing(f)
		default:
			ranges = append(ranges, f)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if s.Listing == nil || s.Format == "" {
		return nil, fmt.Errorf("not a saved sample: %s or %s is not there", savedListing, savedSample)
	}
	if s.Listing.Revision != s.Revision || s.Listing.Partial != "" {
		return nil, fmt.Errorf("the listing is of commit %q, the sample of %q", s.Listing.Revision, s.Revision)
	}
	if s.fsys, err = NewSparse(s.Listing.Files); err != nil {
		return nil, err
	}
	for _, f := range ranges {
		if err := s.addRange(r, f); err != nil {
			return nil, fmt.Errorf("%.100q: %w", f.Name, err)
		}
	}
	return s, nil
}

func readPart(f *zip.File, limit uint64) ([]byte, error) {
	if f.UncompressedSize64 > limit {
		return nil, fmt.Errorf("%d bytes, the most is %d", f.UncompressedSize64, limit)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (s *Saved) readAbout(f *zip.File) error {
	data, err := readPart(f, 1<<16)
	if err != nil {
		return err
	}
	if err := attest.CheckForeignJSON(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &s.About); err != nil {
		return err
	}
	switch {
	case s.Format != savedFormat:
		return fmt.Errorf("format is %.80q, want %q", s.Format, savedFormat)
	case !IsCommit(s.Revision):
		return fmt.Errorf("revision is %.80q, want a commit", s.Revision)
	case s.Draws < 1 || s.Draws > MaxDraws:
		return fmt.Errorf("%d draws, want 1 to %d", s.Draws, MaxDraws)
	}
	if _, err := ParseRepo(Scheme + s.Repo); err != nil {
		return err
	}
	return nil
}

func (s *Saved) readListing(f *zip.File) error {
	data, err := readPart(f, MaxListing)
	if err != nil {
		return err
	}
	s.Listing, err = parseAPI(data, false)
	return err
}

func (s *Saved) addRange(r io.ReaderAt, f *zip.File) error {
	index, offset, ok := strings.Cut(f.Name, "/")
	i, err := strconv.ParseUint(index, 10, 32)
	at, err2 := strconv.ParseInt(offset, 10, 64)
	if !ok || errors.Join(err, err2) != nil || i >= uint64(len(s.Listing.Files)) || f.Name != rangeName(int(i), at) {
		return errors.New("not the name of a part of a sample")
	}
	begin, err := f.DataOffset()
	if err != nil {
		return err
	}
	size := int64(f.UncompressedSize64)
	return s.fsys.Add(s.Listing.Files[i].Path, at, size, io.NewSectionReader(r, begin, size))
}

func rangeName(file int, offset int64) string { return fmt.Sprintf("%d/%d", file, offset) }

// Found is what a sample shows of a model.
type Found struct {
	ID        attest.Hash // as known has it in all tensors that were not read
	Roles     []attest.RoleDigest
	Uncovered []string
	Differs   []string // roles and tensors that are not the known model's

	Draws        int
	Tensors, Of  int // that were read, and all
	Bytes, OfAll uint64
}

// Check recomputes a model from what was saved, taking the hashes of tensors that were
// not read from known.
func (s *Saved) Check(ctx context.Context, known *model.Model) (*Found, error) {
	l, err := model.OpenLayout(s.fsys, model.Options{Weights: s.Weights})
	if err != nil {
		return nil, err
	}
	pieces := l.Pieces()
	chosen, err := Draw(s.Seed, s.Draws, pieces)
	if err != nil {
		return nil, err
	}
	got, err := l.Digest(ctx, chosen, known)
	if err != nil {
		return nil, err
	}
	out := &Found{ID: got.ID, Roles: got.Roles, Uncovered: got.Uncovered, Draws: s.Draws, Differs: differences(known, got)}
	for i, next := 0, chosen; i < len(pieces); i++ {
		p := pieces[i]
		out.Of += len(p.Tensors)
		out.OfAll += p.Size
		if len(next) > 0 && next[0] == i {
			next = next[1:]
			out.Tensors += len(p.Tensors)
			out.Bytes += p.Size
		}
	}
	return out, nil
}

// differences names what of a published model is not the known one's.
func differences(known, got *model.Model) []string {
	var out []string
	roles := map[string]attest.Hash{}
	for _, r := range known.Roles {
		roles[r.Role] = r.Digest
	}
	for _, r := range got.Roles {
		if want, ok := roles[r.Role]; !ok {
			out = append(out, r.Role+" added")
		} else if want != r.Digest {
			out = append(out, r.Role+" differs")
		}
		delete(roles, r.Role)
	}
	for _, r := range known.Roles {
		if _, left := roles[r.Role]; left {
			out = append(out, r.Role+" absent")
		}
	}
	return append(out, TensorDifferences(known.Tensors, got.Tensors)...)
}

// TensorDifferences names the tensors of a published model that are not the known ones,
// each with how. Both lists are sorted by name.
func TensorDifferences(known, got []model.Tensor) []string {
	var out []string
	add := func(name, how string) { out = append(out, fmt.Sprintf("tensor %.200q %s", name, how)) }
	i := 0
	for _, t := range got {
		for ; i < len(known) && known[i].Name < t.Name; i++ {
			add(known[i].Name, "absent")
		}
		switch {
		case i == len(known) || known[i].Name != t.Name:
			add(t.Name, "added")
			continue
		case known[i].DType != t.DType || !slices.Equal(known[i].Shape, t.Shape):
			add(t.Name, "of another type or shape")
		case known[i].SHA256 != t.SHA256:
			add(t.Name, "differs")
		}
		i++
	}
	for ; i < len(known); i++ {
		add(known[i].Name, "absent")
	}
	return out
}
