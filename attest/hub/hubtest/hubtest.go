// Package hubtest is a model hub for tests: it serves a folder as the Hugging Face Hub
// serves a repository, small files by itself and those in Git LFS from a second host.
// It promises to answer as the Hub does where that matters to a client: listings,
// revisions, redirects, among them one from a repository's old name, etags, ranges, and
// what it says of files in Xet. It leaves out everything else, and lies when it is told to.
package hubtest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	// OldName is what the repository was called once: the hub redirects from it.
	OldName = "lab/old-name"

	// PullRequest is a revision that is not merged, with the same files.
	PullRequest = "refs/pr/1"
)

// Hub is a running hub with one repository.
type Hub struct {
	URL    string // of the hub
	Repo   string // ORG/NAME
	Commit string

	// Fault answers a request in the place of the hub, of its other host where cdn is
	// true, and reports whether it did. Set it before the first request.
	Fault func(w http.ResponseWriter, r *http.Request, cdn bool) bool

	// Served replaces the bytes of files, which are listed as they were.
	Served map[string][]byte

	files    map[string][]byte
	hub, cdn *httptest.Server
}

// New serves the files below fsys.
func New(fsys fs.FS) (*Hub, error) {
	h := &Hub{Repo: "lab/tiny", Commit: strings.Repeat("0123456789", 4), files: map[string][]byte{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		h.files[name], err = fs.ReadFile(fsys, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.cdn = httptest.NewServer(http.HandlerFunc(h.serveCDN))
	h.hub = httptest.NewUnstartedServer(http.HandlerFunc(h.serveHub))
	h.URL = "http://" + h.hub.Listener.Addr().String() // which its answers name
	h.hub.Start()
	return h, nil
}

// Close ends both hosts.
func (h *Hub) Close() {
	h.hub.Close()
	h.cdn.Close()
}

// Listing is the answer of /api/models/ORG/NAME?blobs=true for the files below fsys.
func Listing(fsys fs.FS) ([]byte, error) {
	h, err := New(fsys)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return h.listing(), nil
}

// LFS reports whether the hub keeps a file in Git LFS.
func LFS(name string) bool {
	return strings.HasSuffix(name, ".safetensors") || strings.HasSuffix(name, ".bin") || strings.HasSuffix(name, "tokenizer.json")
}

func (h *Hub) listing() []byte {
	type lfs struct {
		SHA256      string `json:"sha256"`
		Size        int    `json:"size"`
		PointerSize int    `json:"pointerSize"`
	}
	type sibling struct {
		Name   string `json:"rfilename"`
		BlobID string `json:"blobId"`
		Size   int    `json:"size"`
		LFS    *lfs   `json:"lfs,omitempty"`
	}
	siblings := []sibling{}
	for name, data := range h.files {
		s := sibling{Name: name, BlobID: blobID(data), Size: len(data)}
		if LFS(name) {
			pointer := Pointer(data)
			s.LFS, s.BlobID = &lfs{sum(data), len(data), len(pointer)}, blobID(pointer)
		}
		siblings = append(siblings, s)
	}
	out, err := json.Marshal(map[string]any{"_id": "0", "id": h.Repo, "modelId": h.Repo, "sha": h.Commit, "private": false, "siblings": siblings})
	if err != nil {
		panic(err)
	}
	return out
}

// Pointer is what git keeps in the place of a file in Git LFS.
func Pointer(data []byte) []byte {
	return fmt.Appendf(nil, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", sum(data), len(data))
}

func (h *Hub) serveHub(w http.ResponseWriter, r *http.Request) {
	if h.Fault != nil && h.Fault(w, r, false) {
		return
	}
	if strings.Contains(r.URL.Path, "/"+OldName) {
		to := strings.Replace(r.URL.EscapedPath(), "/"+OldName, "/"+h.Repo, 1)
		w.Header().Set("Location", to+"?"+r.URL.RawQuery) // without a host, as the Hub does
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	api := "/api/models/" + h.Repo
	switch rest, resolve := strings.CutPrefix(r.URL.Path, "/"+h.Repo+"/resolve/"); {
	case r.URL.Path == api, slices.Contains([]string{"main", PullRequest, h.Commit}, strings.TrimPrefix(r.URL.Path, api+"/revision/")):
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("X-Repo-Commit", h.Commit)
		w.Write(h.listing())
	case resolve:
		_, name, _ := strings.Cut(rest, "/")
		h.resolve(w, r, name)
	default:
		w.Header().Set("X-Error-Code", "RepoNotFound")
		http.Error(w, "Repository not found", http.StatusNotFound)
	}
}

func (h *Hub) resolve(w http.ResponseWriter, r *http.Request, name string) {
	data, ok := h.files[name]
	if !ok {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		http.Error(w, "Entry not found", http.StatusNotFound)
		return
	}
	w.Header().Set("X-Repo-Commit", h.Commit)
	if !LFS(name) {
		w.Header().Set("ETag", `"`+blobID(data)+`"`)
		h.serve(w, r, name, data)
		return
	}
	w.Header().Set("X-Linked-Etag", `"`+sum(data)+`"`)
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(data)))
	xet := sum([]byte("xet " + sum(data)))
	w.Header().Set("X-Xet-Hash", xet)
	w.Header().Set("Link", fmt.Sprintf(`<%s/api/models/%s/xet-read-token/%s>; rel="xet-auth", <https://cas-server.xethub.hf.co/v1/reconstructions/%s>; rel="xet-reconstruction-info"`, h.URL, h.Repo, h.Commit, xet))
	http.Redirect(w, r, h.cdn.URL+"/blobs/"+name+"?signature=1", http.StatusFound)
}

func (h *Hub) serveCDN(w http.ResponseWriter, r *http.Request) {
	if h.Fault != nil && h.Fault(w, r, true) {
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/blobs/")
	data, ok := h.files[name]
	if !ok || r.URL.Query().Get("signature") == "" {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	if r.Header.Get("Authorization") != "" {
		http.Error(w, "a token for the hub was sent to another host", http.StatusBadRequest)
		return
	}
	w.Header().Set("ETag", `"`+sum([]byte("xet "+sum(data)))+`"`) // not the file's SHA-256
	h.serve(w, r, name, data)
}

func (h *Hub) serve(w http.ResponseWriter, r *http.Request, name string, data []byte) {
	if other, ok := h.Served[name]; ok {
		data = other
	}
	http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(data))
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func blobID(data []byte) string {
	s := sha1.New()
	fmt.Fprintf(s, "blob %d\x00", len(data))
	s.Write(data)
	return hex.EncodeToString(s.Sum(nil))
}
