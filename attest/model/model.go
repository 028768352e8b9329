package model

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// Model is what Digest found in a directory. Every slice is sorted, by name or
// path bytes, except Roles, which is in the protocol's order.
type Model struct {
	// ID is the modelID: it names the weights and what shapes their use, and
	// stays the same when tensors move between files.
	ID attest.Hash `json:"modelID"`

	// Package names every file, byte by byte. It is stated beside ID, and zero if
	// it was not asked for.
	Package attest.Hash `json:"package"`

	Roles   []Role   `json:"roles"`
	Tensors []Tensor `json:"tensors"`
	Files   []File   `json:"files"`

	KV       []KV      `json:"kv,omitempty"`       // the metadata of a GGUF
	Adapters []Adapter `json:"adapters,omitempty"` // in the order of their roles

	// Uncovered lists the files that look like weights and are not in ID: what
	// is run from them is not this model.
	Uncovered []string `json:"uncovered"`

	// OutsideCode lists code that the model's configuration tells loaders to run and
	// that is not in the directory. It is no part of a manifest.
	OutsideCode []string `json:"-"`
}

// Role is one part of a model and the digest it has there.
type Role = attest.RoleDigest

// Tensor is one tensor by name, type, shape and the hash of its bytes.
type Tensor struct {
	Name   string      `json:"name"`
	DType  string      `json:"dtype"` // as safetensors spells it, or ggml: and the type
	Shape  []uint64    `json:"shape"` // empty for a scalar; of a GGUF as it is written there, the contiguous dimension first
	Size   uint64      `json:"size"`  // in bytes
	SHA256 attest.Hash `json:"sha256"`
}

// Leaf is the hash of the tensor in the tree of role weights.
func (t Tensor) Leaf() attest.Hash {
	buf := attest.AppendTag(make([]byte, 0, 128+len(t.Name)+8*len(t.Shape)), "tensor")
	buf = attest.AppendLP(buf, t.Name)
	buf = attest.AppendLP(buf, t.DType)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(t.Shape)))
	for _, dim := range t.Shape {
		buf = binary.BigEndian.AppendUint64(buf, dim)
	}
	buf = binary.BigEndian.AppendUint64(buf, t.Size)
	return attest.LeafHash(append(buf, t.SHA256[:]...))
}

// MaxBlob is the largest file that has a GitBlob.
const MaxBlob = 16 << 20

// GitBlob is the SHA-1 by which git and the Hub know a file; zero for a file
// larger than MaxBlob. It is a hint for comparing with a listing: SHA-1 alone
// binds nothing.
type GitBlob [sha1.Size]byte

func (b GitBlob) String() string { return hex.EncodeToString(b[:]) }

// MarshalText implements encoding.TextMarshaler.
func (b GitBlob) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It takes lower-case hex.
func (b *GitBlob) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(b) || string(text) != hex.EncodeToString(raw) {
		return fmt.Errorf("git blob %.80q is not %d lower-case hex digits", text, 2*len(b))
	}
	*b = GitBlob(raw)
	return nil
}

// File is one file of the directory.
type File struct {
	Path    string      `json:"path"` // slash-separated, from the model's directory
	Size    uint64      `json:"size"`
	SHA256  attest.Hash `json:"sha256"`
	GitBlob GitBlob     `json:"gitBlob"`
}

// Leaf is the hash of the file in the tree of the package and of roles that are
// made of files.
func (f File) Leaf() attest.Hash {
	buf := attest.AppendTag(make([]byte, 0, 128+len(f.Path)), "file")
	buf = attest.AppendLP(buf, f.Path)
	buf = binary.BigEndian.AppendUint64(buf, f.Size)
	buf = append(buf, f.SHA256[:]...)
	return attest.LeafHash(append(buf, f.GitBlob[:]...))
}

// RoleOrder is the order of roles in a modelID; the adapters follow by number.
var RoleOrder = []string{
	roleWeights, roleConfig, roleTokenizer, roleTemplate,
	roleGeneration, rolePreprocessor, roleCode, roleKV,
}

// CompareRoles orders names of roles as a modelID has them.
func CompareRoles(a, b string) int {
	rank := func(role string) (int, int) {
		if number, ok := strings.CutPrefix(role, adapterRole); ok {
			n, _ := strconv.Atoi(number)
			return len(RoleOrder), n
		}
		return slices.Index(RoleOrder, role), 0
	}
	a1, a2 := rank(a)
	b1, b2 := rank(b)
	return cmp.Or(cmp.Compare(a1, b1), cmp.Compare(a2, b2))
}

const (
	roleWeights      = "weights"
	roleConfig       = "config"
	roleTokenizer    = "tokenizer"
	roleTemplate     = "chat-template"
	roleGeneration   = "generation-config"
	rolePreprocessor = "preprocessor"
	roleCode         = "code"
	roleKV           = "gguf-kv"
	adapterRole      = "adapter/"
)

// ID is the modelID over roles. It refuses roles that are unknown, repeated or
// out of the protocol's order: they would give one model two names.
func ID(roles []Role) (attest.Hash, error) {
	if len(roles) == 0 {
		return attest.Hash{}, fmt.Errorf("a model needs at least one role")
	}
	last, adapters := -1, 0
	buf := binary.BigEndian.AppendUint32(nil, uint32(len(roles)))
	for _, r := range roles {
		rank := slices.Index(RoleOrder, r.Role)
		if number, ok := strings.CutPrefix(r.Role, adapterRole); ok && number == strconv.Itoa(adapters) {
			rank = len(RoleOrder) + adapters
			adapters++
		}
		if rank < 0 {
			return attest.Hash{}, fmt.Errorf("role %.80q is unknown here: roles are %s, adapter/0, adapter/1, …", r.Role, strings.Join(RoleOrder, ", "))
		}
		if rank <= last {
			return attest.Hash{}, fmt.Errorf("role %q is repeated or out of order", r.Role)
		}
		last = rank
		buf = attest.AppendLP(buf, r.Role)
		buf = append(buf, r.Digest[:]...)
	}
	return attest.TaggedHash("model", buf), nil
}

// Seal is the commitment by which issuer names a model without showing which.
// A release opens it with secret, which must be random and used once.
func Seal(secret attest.Hash, issuer string, id attest.Hash) attest.Hash {
	mac := hmac.New(sha256.New, secret[:])
	buf := attest.AppendTag(nil, "field")
	buf = attest.AppendLP(buf, "model")
	buf = attest.AppendLP(buf, issuer)
	mac.Write(attest.AppendLP(buf, id[:]))
	return attest.Hash(mac.Sum(nil))
}

// EndpointID names a model that is known only by where it is served. It is
// never equal to the ID of weights.
func EndpointID(provider, url, model string) attest.Hash {
	buf := attest.AppendLP(nil, provider)
	buf = attest.AppendLP(buf, url)
	return attest.TaggedHash("endpoint", attest.AppendLP(buf, model))
}

// weightsRoot is the digest of role weights; tensors are sorted by name.
func weightsRoot(tensors []Tensor) attest.Hash {
	leaves := make([]attest.Hash, len(tensors))
	for i, t := range tensors {
		leaves[i] = t.Leaf()
	}
	return attest.Root(leaves)
}

// filesRoot is the root over the leaves of files, which are sorted by path.
func filesRoot(files []File) attest.Hash {
	leaves := make([]attest.Hash, len(files))
	for i, f := range files {
		leaves[i] = f.Leaf()
	}
	return attest.Root(leaves)
}
