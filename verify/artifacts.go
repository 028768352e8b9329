package verify

import (
	"errors"
	"fmt"
	"io"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
)

// artifact returns bulk data, or nil where the pack has none.
func (j *judge) artifact(a attest.Artifact) (data []byte) {
	j.reading(a, func() (err error) {
		data, err = j.pack.Artifact(a)
		return err
	})
	return data
}

// read is artifact for what is too large to be held as it comes. What take has made
// of it counts only if read reports that it was there.
func (j *judge) read(a attest.Artifact, take func(io.Reader)) bool {
	return j.reading(a, func() error { return j.pack.ReadArtifact(a, take) })
}

// reading reports whether an artifact was there and was read. A pack that holds other
// bytes than a digest names is damaged and cannot be judged at all.
func (j *judge) reading(a attest.Artifact, read func() error) bool {
	if !j.pack.HasArtifact(a.SHA256) {
		return false
	}
	if a.Size > j.unread {
		j.broken = errors.New("evidence pack: its scores ask for more to be read than anybody publishes")
		return false
	}
	j.unread -= a.Size
	if err := read(); err != nil {
		j.broken = fmt.Errorf("evidence pack: %w", err)
		return false
	}
	return true
}

// skeleton is what an artifact says of a test set's items.
type skeleton struct {
	from   attest.Artifact
	leaves []attest.Hash
	root   attest.Hash
	err    error // why the artifact is none
}

// skeleton returns the leaf hashes of an artifact, or nil where the pack has none. A
// score needs them twice, and they are large: those asked for last are kept.
func (j *judge) skeleton(a attest.Artifact) *skeleton {
	if j.lastSkeleton != nil && j.lastSkeleton.from == a {
		return j.lastSkeleton
	}
	j.lastSkeleton = nil
	s := &skeleton{from: a}
	if !j.read(a, func(r io.Reader) { s.leaves, s.err = testset.ReadSkeleton(r) }) {
		return nil
	}
	s.root = attest.Root(s.leaves)
	j.lastSkeleton = s
	return s
}

// rows returns a result's rows: none where the pack has none, an error where it has
// something else, or an empty file.
func (j *judge) rows(a attest.Artifact) (rows []run.Row, err error) {
	if !j.read(a, func(r io.Reader) { rows, err = run.ReadRows(r) }) {
		return nil, nil
	}
	if err == nil && len(rows) == 0 {
		err = errors.New("the file of its rows is empty")
	}
	return rows, err
}
