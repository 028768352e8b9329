package oms

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

const (
	predicateType    = "https://model_signing/signature/v1.0"
	predicateTypeOld = "https://model_signing/Digests/v0.1" // of model-signing 0.2
)

// The ways to list the parts of a model.
const (
	byFiles  = "files"
	byShards = "shards" // ranges of equal length; the last of a file may be shorter
)

// Content is what a signature says.
type Content struct {
	Name string // of the model, as the signer calls it; empty in the form of 0.2

	// Root is over the digests of Resources in their order; zero in the form of 0.2,
	// which has none. It binds no names.
	Root attest.Hash

	Resources []Resource // in the order that the signer chose
	Hash      string     // sha256, blake2b or blake3
	ShardSize uint64     // zero where files are listed whole

	// Ignored are the paths that the signer says it left out. It is not a reason to
	// leave them out when checking.
	Ignored []string

	Old bool // the form of model-signing 0.2
}

// Resource is a file or a part of one.
type Resource struct {
	Path       string // "." where the model is one file
	Start, End uint64 // of a shard; both zero for a whole file
	Digest     []byte
}

func (c *Content) parse(payload []byte) error {
	if err := attest.CheckForeignJSON(payload); err != nil {
		return err
	}
	var kind, predicate string
	var subjects []json.RawMessage
	var body json.RawMessage
	err := members(payload, map[string]any{"_type": &kind, "subject": &subjects, "predicateType": &predicate, "predicate": &body}, false)
	switch {
	case err != nil:
		return err
	case kind != attest.StatementType:
		return fmt.Errorf("_type is %.80q, want %q", kind, attest.StatementType)
	case predicate == predicateTypeOld:
		return c.parseOld(subjects)
	case predicate != predicateType:
		return fmt.Errorf("predicateType is %.80q, want %q: this is not about the files of a model", predicate, predicateType)
	case len(subjects) != 1:
		return fmt.Errorf("%d subjects, want 1", len(subjects))
	case body == nil:
		return errors.New("no predicate: no file is listed")
	}
	if err := c.parsePredicate(body); err != nil {
		return fmt.Errorf("predicate: %w", err)
	}
	return c.parseSubject(subjects[0])
}

// parseSubject comes after the predicate, from which the root follows.
func (c *Content) parseSubject(subject []byte) error {
	name, digest, err := readSubject(subject)
	if err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	if root := rootOf(c.Resources); attest.Hash(digest) != root {
		return fmt.Errorf("subject: root is %x, but the resources give %s", digest, root)
	}
	c.Name, c.Root = name, attest.Hash(digest)
	return nil
}

func readSubject(subject []byte) (name string, digest []byte, err error) {
	var digests, annotations json.RawMessage
	var text string
	if err := members(subject, map[string]any{"name": &name, "digest": &digests, "annotations": &annotations}, true); err != nil {
		return "", nil, err
	}
	if name == "" || digests == nil {
		return "", nil, errors.New("want a name and a digest")
	}
	if err := members(digests, map[string]any{"sha256": &text}, true); err != nil {
		return "", nil, fmt.Errorf("digest: %w", err)
	}
	if digest, err = readDigest(text, sha256.Size); err != nil {
		return "", nil, err
	}
	if annotations == nil {
		return name, digest, nil
	}
	// Only 0.2 has it, and only there the digest is a file's.
	algorithm := oldAlgorithm
	if err := members(annotations, map[string]any{"actual_hash_algorithm": &algorithm}, true); err != nil {
		return "", nil, fmt.Errorf("annotations: %w", err)
	}
	if algorithm != oldAlgorithm {
		return "", nil, fmt.Errorf("digest is by %.80q, want %q", algorithm, oldAlgorithm)
	}
	return name, digest, nil
}

const oldAlgorithm = "file-sha256"

// parseOld reads the form of 0.2, where every file is a subject.
func (c *Content) parseOld(subjects []json.RawMessage) error {
	c.Old, c.Hash = true, "sha256"
	for i, s := range subjects {
		name, digest, err := readSubject(s)
		if err != nil {
			return fmt.Errorf("subject %d: %w", i, err)
		}
		c.Resources = append(c.Resources, Resource{Path: name, Digest: digest})
	}
	return c.checkNames()
}

func (c *Content) parsePredicate(body []byte) error {
	var resources []json.RawMessage
	var serialization json.RawMessage
	if err := members(body, map[string]any{"resources": &resources, "serialization": &serialization}, false); err != nil {
		return err
	}
	if serialization == nil {
		return errors.New("no serialization")
	}
	if err := c.parseSerialization(serialization); err != nil {
		return fmt.Errorf("serialization: %w", err)
	}
	for i, r := range resources {
		read, err := c.parseResource(r)
		if err != nil {
			return fmt.Errorf("resource %d: %w", i, err)
		}
		c.Resources = append(c.Resources, read)
	}
	return c.checkNames()
}

// digestSizes are those of the hashes that the specification knows.
var digestSizes = map[string]int{"sha256": 32, "blake2b": 64, "blake3": 32}

func (c *Content) parseSerialization(body []byte) error {
	var method string
	var links *bool
	var size *float64 // Python writes 8.0
	err := members(body, map[string]any{
		"method": &method, "hash_type": &c.Hash, "allow_symlinks": &links, "shard_size": &size, "ignore_paths": &c.Ignored,
	}, false)
	switch {
	case err != nil:
		return err
	case method != byFiles && method != byShards:
		return fmt.Errorf("method is %.80q, want %s or %s", method, byFiles, byShards)
	case digestSizes[c.Hash] == 0:
		return fmt.Errorf("hash_type is %.80q, want sha256, blake2b or blake3", c.Hash)
	case links == nil:
		return errors.New("no allow_symlinks")
	case method == byFiles && size != nil:
		return errors.New("shard_size beside method files")
	case method == byFiles:
		return nil
	case size == nil:
		return errors.New("no shard_size beside method shards")
	case *size < 1 || *size > 1<<53 || *size != float64(uint64(*size)):
		return fmt.Errorf("shard_size is %g, want a whole number from 1 on", *size)
	}
	c.ShardSize = uint64(*size)
	return nil
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
