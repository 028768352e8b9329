package oms

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// Resource is a file or a part of one.
type Resource struct {
	Path       string // "." where the model is one file
	Start, End uint64 // of a shard; both zero for a whole file
	Digest     []byte
}

func (c *Content) parseResource(body []byte) (r Resource, err error) {
	var digest, algorithm string
	if err := members(body, map[string]any{"name": &r.Path, "digest": &digest, "algorithm": &algorithm}, true); err != nil {
		return r, err
	}
	// Python calls the hash of a shard sha256-sharded-1000000000.
	if algorithm != c.Hash && (c.ShardSize == 0 || algorithm != fmt.Sprintf("%s-sharded-%d", c.Hash, c.ShardSize)) {
		return r, fmt.Errorf("%.200q: algorithm is %.80q, want %s", r.Path, algorithm, c.Hash)
	}
	if r.Digest, err = readDigest(digest, digestSizes[c.Hash]); err != nil {
		return r, fmt.Errorf("%.200q: %w", r.Path, err)
	}
	if c.ShardSize > 0 {
		err = r.cutRange()
	}
	return r, err
}

// cutRange takes a shard's range off its name, "path:start:end"; a path may have
// colons of its own.
func (r *Resource) cutRange() error {
	name := r.Path
	var ok [2]bool
	for i, to := range []*uint64{&r.End, &r.Start} {
		at := strings.LastIndexByte(r.Path, ':')
		if at < 0 {
			break
		}
		text := r.Path[at+1:]
		n, err := strconv.ParseUint(text, 10, 63)
		ok[i] = err == nil && strconv.FormatUint(n, 10) == text
		*to, r.Path = n, r.Path[:at]
	}
	if !ok[0] || !ok[1] || r.Start >= r.End {
		return fmt.Errorf("%.200q: want a path and a range, such as a.bin:0:1000", name)
	}
	return nil
}

func readDigest(text string, size int) ([]byte, error) {
	digest, err := hex.DecodeString(text)
	if err != nil || len(digest) != size || hex.EncodeToString(digest) != text {
		return nil, fmt.Errorf("digest %.140q is not %d lower-case hex digits", text, 2*size)
	}
	return digest, nil
}

// checkNames refuses paths that lead out of the model or stand for nothing in it,
// a file that is listed twice, and shards that leave part of a file unsigned.
func (c *Content) checkNames() error {
	if len(c.Resources) == 0 {
		return errors.New("no file is listed")
	}
	sorted := slices.Clone(c.Resources)
	slices.SortFunc(sorted, compareResources)
	for i, r := range sorted {
		if !fs.ValidPath(r.Path) || strings.ContainsRune(r.Path, 0) {
			return fmt.Errorf("%.200q is not a path inside a model", r.Path)
		}
		if r.Path == "." && sorted[len(sorted)-1].Path != "." {
			return errors.New(`"." stands for a model of one file, and others are listed`)
		}
		first := i == 0 || sorted[i-1].Path != r.Path
		if c.ShardSize == 0 && !first {
			return fmt.Errorf("%.200q is listed twice", r.Path)
		}
		if c.ShardSize > 0 {
			last := i == len(sorted)-1 || sorted[i+1].Path != r.Path
			start := uint64(0)
			if !first {
				start = sorted[i-1].End
			}
			if r.Start != start || r.End-r.Start > c.ShardSize || !last && r.End-r.Start < c.ShardSize {
				return fmt.Errorf("%.200q: bytes %d to %d are not the next shard of %d behind byte %d", r.Path, r.Start, r.End, c.ShardSize, start)
			}
		}
	}
	return nil
}

func compareResources(a, b Resource) int {
	if n := strings.Compare(a.Path, b.Path); n != 0 {
		return n
	}
	switch {
	case a.Start < b.Start:
		return -1
	case a.Start > b.Start:
		return 1
	}
	return 0
}

// rootOf is SHA-256 over the digests, whatever hash made them.
func rootOf(resources []Resource) attest.Hash {
	h := sha256.New()
	for _, r := range resources {
		h.Write(r.Digest)
	}
	return attest.Hash(h.Sum(nil))
}
