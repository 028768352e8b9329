package hub

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// pageSize is how many entries of a tree the Hub returns at once.
const pageSize = 1000

// apiModel is the answer of /api/models/ORG/NAME?blobs=true.
type apiModel struct {
	ID       string       `json:"id"`
	SHA      string       `json:"sha"`
	Siblings []apiSibling `json:"siblings"`
}

type apiSibling struct {
	Name   string  `json:"rfilename"`
	Size   *uint64 `json:"size"`
	BlobID string  `json:"blobId"`
	LFS    *apiLFS `json:"lfs"`
}

// apiEntry is an element of /api/models/ORG/NAME/tree/REVISION?recursive=true.
type apiEntry struct {
	Type string  `json:"type"`
	Path string  `json:"path"`
	OID  string  `json:"oid"`
	Size *uint64 `json:"size"`
	LFS  *apiLFS `json:"lfs"`
}

// apiLFS names the hash sha256 in one answer and oid in the other.
type apiLFS struct {
	SHA256 string  `json:"sha256"`
	OID    string  `json:"oid"`
	Size   *uint64 `json:"size"`
}

func parseAPI(data []byte, tree bool) (*Listing, error) {
	if err := attest.CheckForeignJSON(data); err != nil {
		return nil, err
	}
	l := &Listing{Kind: KindAPI}
	var err error
	if tree {
		err = l.readTree(data)
	} else {
		err = l.readModel(data)
	}
	if err != nil {
		return nil, err
	}
	return l, l.Check()
}

func (l *Listing) readModel(data []byte) error {
	var said apiModel
	if err := json.Unmarshal(data, &said); err != nil {
		return fmt.Errorf("not an answer of the Hub's API: %w", err)
	}
	if said.Siblings == nil {
		return errors.New("not an answer of the Hub's API: no member siblings (want /api/models/ORG/NAME?blobs=true)")
	}
	if said.SHA != "" && !IsCommit(said.SHA) {
		return fmt.Errorf("sha is %.80q, want a commit of 40 hex digits", said.SHA)
	}
	l.Repo, l.Revision = said.ID, said.SHA
	hashes := 0
	for _, s := range said.Siblings {
		f, err := apiFile(s.Name, s.Size, s.BlobID, s.LFS)
		if err != nil {
			return err
		}
		if f.SHA256 != nil || f.Blob != nil {
			hashes++
		}
		l.Files = append(l.Files, f)
	}
	if hashes == 0 && len(l.Files) > 0 {
		return errors.New("the listing holds no hashes (ask for it with ?blobs=true)")
	}
	return nil
}

func (l *Listing) readTree(data []byte) error {
	var entries []apiEntry
	if err := json.Unmarshal(data, &entries); err != nil {
		return fmt.Errorf("not an answer of the Hub's API: %w", err)
	}
	var folders []string
	inside := map[string]bool{}
	for _, e := range entries {
		for i, c := range e.Path {
			if c == '/' {
				inside[e.Path[:i]] = true
			}
		}
		switch e.Type {
		case "directory":
			folders = append(folders, e.Path)
		case "file":
			f, err := apiFile(e.Path, e.Size, e.OID, e.LFS)
			if err != nil {
				return err
			}
			l.Files = append(l.Files, f)
		default:
			return fmt.Errorf("%.200q has type %.40q, want file or directory (want /api/models/ORG/NAME/tree/REVISION?recursive=true)", e.Path, e.Type)
		}
	}
	for _, name := range folders {
		if !inside[name] {
			l.Partial = fmt.Sprintf("the listing does not go into the folder %.200q: ask for it with ?recursive=true", name)
			return nil
		}
	}
	if len(entries) > 0 && len(entries)%pageSize == 0 {
		l.Partial = fmt.Sprintf("%d entries are as many as the Hub puts on a page: there may be more", len(entries))
	}
	return nil
}

func apiFile(path string, size *uint64, blob string, lfs *apiLFS) (File, error) {
	f := File{Path: path, Size: size}
	if lfs == nil {
		if blob == "" {
			return f, nil
		}
		f.Blob = new(model.GitBlob)
		if err := f.Blob.UnmarshalText([]byte(blob)); err != nil {
			return f, fmt.Errorf("file %.200q: %w", path, err)
		}
		return f, nil
	}
	text := lfs.SHA256
	if text == "" {
		text = strings.TrimPrefix(lfs.OID, "sha256:")
	}
	hash, err := attest.ParseHash(text)
	if err != nil {
		return f, fmt.Errorf("file %.200q: lfs: %w", path, err)
	}
	f.SHA256 = &hash
	if size != nil && lfs.Size != nil && *size != *lfs.Size {
		return f, fmt.Errorf("file %.200q: size is %d, and %d in Git LFS", path, *size, *lfs.Size)
	}
	if lfs.Size != nil {
		f.Size = lfs.Size
	}
	return f, nil
}

// IsCommit reports whether s is the id of a git commit, which names one tree for ever,
// and not a branch or a tag.
func IsCommit(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 40 && s == strings.ToLower(s)
}
