package diff

import (
	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

// File is a file that two models do not have alike.
type File struct {
	Path   string      `json:"path"`
	Role   string      `json:"role,omitempty"` // by its name; empty for a file outside the modelID
	State  State       `json:"state"`
	First  *FileDigest `json:"first,omitempty"`
	Second *FileDigest `json:"second,omitempty"`
}

// FileDigest is what one side says of a file.
type FileDigest struct {
	Size    *uint64        `json:"size,omitempty"`
	SHA256  *attest.Hash   `json:"sha256,omitempty"`
	GitBlob *model.GitBlob `json:"gitBlob,omitempty"`
}

// files lists what is not surely the same in two lists of files. What a partial list
// leaves out is unknown, not absent.
func files(a, b *Side) []File {
	only := func(f hub.File, state State, other *Side) File {
		if other.Partial != "" {
			state = Unknown
		}
		return File{Path: f.Path, Role: model.PartOf(f.Path), State: state}
	}
	out := []File{}
	x, y := a.Files, b.Files
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].Path < y[0].Path:
			f := only(x[0], Removed, b)
			f.First = fileDigest(x[0])
			out = append(out, f)
			x = x[1:]
		case len(x) == 0 || y[0].Path < x[0].Path:
			f := only(y[0], Added, a)
			f.Second = fileDigest(y[0])
			out = append(out, f)
			y = y[1:]
		default:
			if s := compareFiles(x[0], y[0]); s != Equal {
				out = append(out, File{x[0].Path, model.PartOf(x[0].Path), s, fileDigest(x[0]), fileDigest(y[0])})
			}
			x, y = x[1:], y[1:]
		}
	}
	return out
}

func compareFiles(a, b hub.File) State {
	zero := model.GitBlob{} // of a large file: not known
	blobs := a.Blob != nil && b.Blob != nil && *a.Blob != zero && *b.Blob != zero
	switch {
	case a.Size != nil && b.Size != nil && *a.Size != *b.Size:
		return Changed
	case a.SHA256 != nil && b.SHA256 != nil:
		if *a.SHA256 == *b.SHA256 {
			return Equal
		}
		return Changed
	case blobs && *a.Blob != *b.Blob:
		return Changed
	case blobs:
		return EqualSHA1
	}
	return Unknown
}

func fileDigest(f hub.File) *FileDigest {
	d := &FileDigest{Size: f.Size, SHA256: f.SHA256}
	if f.Blob != nil && *f.Blob != (model.GitBlob{}) {
		d.GitBlob = f.Blob
	}
	return d
}
