package oms

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

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
