package attest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// Limits on what a pack may hold; a pack comes from a stranger.
const (
	maxPackFiles    = 100_000
	maxSmallFile    = 1 << 20   // proofs, timestamps, beacon rounds
	maxArtifact     = 1<<32 - 2 // the largest file of a zip without 64-bit sizes
	maxPackBytes    = 16 << 30
	maxSmallBytes   = 512 << 20 // all but artifacts, which are read when asked for
	bombSize        = 64 << 20  // from here on a file may not unfold to more than bombRatio times itself
	bombRatio       = 100       // hashes hardly compress at all
	bundleSuffix    = ".sigstore.json"
	proofSuffix     = ".tlog-proof"
	timestampSuffix = ".tsr"
)

// Entry is a statement as a pack carries it: the logged bytes and, beside them,
// the evidence that they were logged. To this package a proof is text.
type Entry struct {
	Statement *Statement
	Bundle    *Bundle
	Bytes     []byte // the ledger entry
	Proof     []byte // C2SP tlog-proof; nil if absent
	Timestamp []byte // RFC 3161 response; nil if absent
}

// ParseEntry reads a ledger entry and the statement inside it.
func ParseEntry(entry []byte) (*Entry, error) {
	b, err := ParseBundle(entry)
	if err != nil {
		return nil, err
	}
	s, err := ParseStatement(b.Payload)
	if err != nil {
		return nil, err
	}
	return &Entry{Statement: s, Bundle: b, Bytes: entry}, nil
}

// Pack is an evidence pack (PROTOCOL §1): entries, artifacts, beacon rounds.
// Artifacts are read when asked for; their bytes are checked against their name
// before any of them is returned.
type Pack struct {
	Entries   map[Hash]*Entry
	Beacons   map[Round][]byte // as fetched; unverified
	artifacts map[Hash]packFile
}

type packFile struct {
	size int64
	open func() (io.ReadCloser, error)
}

// inline is a file whose bytes are at hand.
func inline(data []byte) packFile {
	return packFile{int64(len(data)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// NewPack returns an empty pack to add to.
func NewPack() *Pack {
	return &Pack{Entries: map[Hash]*Entry{}, Beacons: map[Round][]byte{}, artifacts: map[Hash]packFile{}}
}

// AddArtifact adds bulk data and returns the reference to it.
func (p *Pack) AddArtifact(data []byte, mediaType, name string) Artifact {
	sum := Hash(sha256.Sum256(data))
	p.artifacts[sum] = inline(data)
	return Artifact{SHA256: sum, Size: uint64(len(data)), MediaType: mediaType, Name: name}
}

// HasArtifact reports whether the pack carries the bytes of sum.
func (p *Pack) HasArtifact(sum Hash) bool { _, ok := p.artifacts[sum]; return ok }

// RemoveArtifact drops the bytes of sum, for instance before a pack is published.
func (p *Pack) RemoveArtifact(sum Hash) { delete(p.artifacts, sum) }

// ReplaceArtifact puts other bytes under a digest, as a forger would; reading them
// fails. It exists to show that it does.
func (p *Pack) ReplaceArtifact(sum Hash, data []byte) error {
	if !p.HasArtifact(sum) {
		return fmt.Errorf("artifact %s: %w", sum.Short(), ErrNoArtifact)
	}
	p.AddArtifact(data, "", "")
	other := Hash(sha256.Sum256(data))
	p.artifacts[sum] = p.artifacts[other]
	delete(p.artifacts, other)
	return nil
}

// ErrNoArtifact marks an artifact that the pack does not carry.
var ErrNoArtifact = errors.New("not in the pack")

// Artifact returns the bytes of a, after checking them against its digest and
// size. The error is ErrNoArtifact where the pack leaves them out.
func (p *Pack) Artifact(a Artifact) ([]byte, error) {
	var data []byte
	var failed error
	err := p.ReadArtifact(a, func(r io.Reader) { data, failed = readAll(r, int64(a.Size)) })
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	return data, nil
}

// ReadArtifact is Artifact for bytes that need not be at hand all at once: read gets
// them as they come. Only when ReadArtifact has returned nil are they known to be
// those of a, all of them, whether read took them all or not.
func (p *Pack) ReadArtifact(a Artifact, read func(io.Reader)) error {
	f, ok := p.artifacts[a.SHA256]
	switch {
	case !ok:
		return fmt.Errorf("artifact %s (%s): %w", a.SHA256.Short(), clip(a.Name), ErrNoArtifact)
	case uint64(f.size) != a.Size:
		return fmt.Errorf("artifact %s (%s) has %d bytes, want %d", a.SHA256.Short(), clip(a.Name), f.size, a.Size)
	case f.size > maxArtifact:
		return fmt.Errorf("artifact %s: %d bytes, at most %d are read", a.SHA256.Short(), f.size, int64(maxArtifact))
	}
	r, err := f.open()
	if err != nil {
		return fmt.Errorf("artifact %s: %w", a.SHA256.Short(), err)
	}
	defer r.Close()
	digest := sha256.New()
	whole := &sizedReader{r: io.TeeReader(r, digest), size: f.size}
	read(whole)
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return fmt.Errorf("artifact %s: %w", a.SHA256.Short(), err)
	}
	if sum := Hash(digest.Sum(nil)); sum != a.SHA256 {
		return fmt.Errorf("artifact %s holds other bytes: their SHA-256 is %s", a.SHA256, sum)
	}
	return nil
}

func (f packFile) read(limit int64) ([]byte, error) {
	if f.size > limit {
		return nil, fmt.Errorf("%d bytes, at most %d are read", f.size, limit)
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAll(&sizedReader{r: r, size: f.size}, f.size)
}

// sizedReader reads a file of a declared size, and fails where it is another.
type sizedReader struct {
	r          io.Reader
	size, read int64
	err        error
}

func (s *sizedReader) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	if s.read > s.size || err == io.EOF && s.read < s.size {
		n, err = 0, fmt.Errorf("does not have the %d bytes it declares", s.size)
	}
	s.err = err
	return n, err
}

// readAll reads what is said to have so many bytes. The buffer grows with what comes:
// a declared size is a stranger's word.
func readAll(r io.Reader, size int64) ([]byte, error) {
	data := make([]byte, 0, min(size, 1<<16)+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = slices.Grow(data, max(1, int(min(int64(len(data)), size+1-int64(len(data))))))
		}
	}
}

// Merge adds to p everything that q holds. Of two copies of one thing it keeps p's,
// unless q's alone has the bytes that its name says: nobody's pack takes away what
// another has shown. A proof is taken over for the very bytes that it is of.
func (p *Pack) Merge(q *Pack) {
	for id, e := range q.Entries {
		have, ok := p.Entries[id]
		switch {
		case !ok:
			p.Entries[id] = e
		case bytes.Equal(have.Bytes, e.Bytes):
			both := *have
			if len(both.Proof) == 0 {
				both.Proof = e.Proof
			}
			both.Timestamp = mergeTokens(both.Timestamp, e.Timestamp)
			p.Entries[id] = &both
		}
	}
	for round, data := range q.Beacons {
		if _, ok := p.Beacons[round]; !ok {
			p.Beacons[round] = data
		}
	}
	for sum, f := range q.artifacts {
		if have, ok := p.artifacts[sum]; !ok || !have.holds(sum) {
			p.artifacts[sum] = f
		}
	}
}

// holds reports whether a file has the bytes of that digest.
func (f packFile) holds(sum Hash) bool {
	r, err := f.open()
	if err != nil {
		return false
	}
	defer r.Close()
	h := sha256.New()
	_, err = io.Copy(h, io.LimitReader(r, f.size+1))
	return err == nil && Hash(h.Sum(nil)) == sum
}

// IDs returns the ids of the pack's statements in a stable order: by issuer,
// then seq, then id.
func (p *Pack) IDs() []Hash {
	ids := slices.Collect(maps.Keys(p.Entries))
	// By package sort: slices makes kilobytes of code of each type, which a browser loads.
	sort.Slice(ids, func(i, j int) bool {
		x, y := p.Entries[ids[i]].Statement.Head(), p.Entries[ids[j]].Statement.Head()
		return cmp.Or(strings.Compare(x.Issuer, y.Issuer), cmp.Compare(x.Seq, y.Seq), bytes.Compare(ids[i][:], ids[j][:])) < 0
	})
	return ids
}

// ReadDir reads a pack from a directory.
func ReadDir(fsys fs.FS) (*Pack, error) { return Reader{}.Dir(fsys) }

// Reader reads evidence packs. The zero Reader is ready for use.
type Reader struct {
	// Parse is ParseEntry, or a function that has it done once for entries that many
	// packs share; then their statements and bundles are shared too, and must not be
	// changed.
	Parse func(entry []byte) (*Entry, error)
}

// Dir reads a pack from a directory.
func (rd Reader) Dir(fsys fs.FS) (*Pack, error) {
	files := map[string]packFile{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && !packFolders[name] {
				return fmt.Errorf("folder %q: %w", clip(name), errOtherFolder)
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%q is not a regular file", clip(name))
		}
		if len(files) > maxPackFiles {
			return fmt.Errorf("more than %d files", maxPackFiles)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files[name] = packFile{info.Size(), func() (io.ReadCloser, error) { return fsys.Open(name) }}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("evidence pack: %w", err)
	}
	return rd.read(files)
}

var packFolders = map[string]bool{"artifacts": true, "beacons": true, "entries": true}

var errOtherFolder = errors.New("want only entries/, artifacts/ and beacons/ in a pack")

var beaconName = regexp.MustCompile(`^([0-9a-f]{64})-([1-9][0-9]{0,18})\.json$`)

func (rd Reader) read(files map[string]packFile) (*Pack, error) {
	if err := checkPackFiles(files); err != nil {
		return nil, fmt.Errorf("evidence pack: %w", err)
	}
	if rd.Parse == nil {
		rd.Parse = ParseEntry
	}
	p := NewPack()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := rd.readFile(p, name, files[name]); err != nil {
			return nil, fmt.Errorf("evidence pack: %s: %w", clip(name), err)
		}
	}
	for id, e := range p.Entries {
		if e.Statement == nil {
			return nil, fmt.Errorf("evidence pack: proof or timestamp of %s without its statement", id)
		}
	}
	return p, nil
}

func checkPackFiles(files map[string]packFile) error {
	if len(files) > maxPackFiles {
		return fmt.Errorf("more than %d files", maxPackFiles)
	}
	var total, small int64
	folded := map[string]string{}
	for name, f := range files {
		if total += f.size; total > maxPackBytes {
			return fmt.Errorf("more than %d bytes", int64(maxPackBytes))
		}
		if !strings.HasPrefix(name, "artifacts/") {
			small += f.size
		}
		if small > maxSmallBytes {
			return fmt.Errorf("more than %d bytes beside its artifacts", maxSmallBytes)
		}
		// On a disk that ignores case, twins would overwrite each other.
		low := strings.ToLower(name)
		if twin, ok := folded[low]; ok {
			return fmt.Errorf("%q and %q differ in case alone", clip(twin), clip(name))
		}
		folded[low] = name
	}
	return nil
}

func (rd Reader) readFile(p *Pack, name string, f packFile) error {
	dir, base := path.Split(name)
	switch dir {
	case "artifacts/":
		sum, err := ParseHash(base)
		if err != nil {
			return err
		}
		p.artifacts[sum] = f
		return nil
	case "beacons/":
		m := beaconName.FindStringSubmatch(base)
		if m == nil {
			return errors.New("want a name of the form <chain>-<round>.json")
		}
		return p.readBeacon(m[1], m[2], f)
	case "entries/":
		return rd.readEntryFile(p, base, f)
	}
	return errOtherFolder
}

func (p *Pack) readBeacon(chain, round string, f packFile) error {
	var r Round
	if err := r.Chain.UnmarshalText([]byte(chain)); err != nil {
		return err
	}
	if _, err := fmt.Sscan(round, &r.Round); err != nil {
		return err
	}
	data, err := f.read(maxSmallFile)
	p.Beacons[r] = data
	return err
}

func (rd Reader) readEntryFile(p *Pack, base string, f packFile) error {
	stem, suffix := base, ""
	for _, s := range []string{bundleSuffix, proofSuffix, timestampSuffix} {
		if cut, ok := strings.CutSuffix(base, s); ok {
			stem, suffix = cut, s
		}
	}
	id, err := ParseHash(stem)
	if err != nil {
		return err
	}
	data, err := f.read(maxSmallFile)
	if err != nil {
		return err
	}
	e := p.Entries[id]
	if e == nil {
		e = &Entry{}
		p.Entries[id] = e
	}
	switch suffix {
	case bundleSuffix:
		parsed, err := rd.Parse(data)
		if err != nil {
			return err
		}
		if parsed.Statement.ID != id {
			return fmt.Errorf("holds the statement %s", parsed.Statement.ID)
		}
		e.Statement, e.Bundle, e.Bytes = parsed.Statement, parsed.Bundle, data
	case proofSuffix:
		e.Proof = data
	case timestampSuffix:
		e.Timestamp = data
	default:
		return errors.New("want .sigstore.json, .tlog-proof or .tsr")
	}
	return nil
}
