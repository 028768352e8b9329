// Package remote gets listings and files from a model hub over HTTP, as the Hugging Face
// Hub serves them. It opens sockets: only what is meant to may import it.
//
// It promises that what it returns of a file is what was asked for in length and place,
// and says so where a server sends other bytes, less, or more; that a token goes to the
// hub alone, not to the hosts that the hub redirects to; and that nothing is read beyond
// the limits of package hub. Hashes are compared where a file is read in full. A
// connection that breaks is taken up where it broke, and a hub that is busy is asked again
// when it says.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest/hub"
)

// DefaultEndpoint is the Hugging Face Hub.
const DefaultEndpoint = "https://huggingface.co"

// Client talks to one hub. Its zero value, with an Endpoint, is ready.
type Client struct {
	Endpoint  string // such as DefaultEndpoint
	Token     string // of a user; empty for none
	UserAgent string

	// Stall is how long the next byte may take; zero: a minute.
	Stall time.Duration

	// Transport makes the requests; nil: http.DefaultTransport.
	Transport http.RoundTripper

	// Waiting is told how long the client waits before it asks again; it may be nil.
	Waiting func(d time.Duration)

	// Sleep waits between attempts; nil: until the time is over or ctx ends.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Listing gets the listing of a repository at its revision, and returns it as it came
// too.
func (c *Client) Listing(ctx context.Context, repo hub.Repo) (*hub.Listing, []byte, error) {
	target := c.Endpoint + "/api/models/" + repo.Name
	if repo.Revision != "" {
		target += "/revision/" + url.PathEscape(repo.Revision)
	}
	response, err := c.get(ctx, target+"?blobs=true", "")
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", repo, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, hub.MaxListing+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", repo, err)
	}
	l, err := hub.Parse("", data)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", repo, err)
	case l.Kind != hub.KindAPI || l.Revision == "":
		return nil, nil, fmt.Errorf("%s: the hub's answer names no commit", repo)
	case hub.IsCommit(repo.Revision) && l.Revision != repo.Revision:
		return nil, nil, fmt.Errorf("%s: the hub answers for commit %s", repo, l.Revision)
	}
	return l, data, nil
}

// Bytes gets size bytes of a listed file of a repository at a commit, from an offset on.
// The reader fails unless exactly these come.
func (c *Client) Bytes(ctx context.Context, name, commit string, f hub.File, offset, size int64) (io.ReadCloser, error) {
	body, err := c.bytes(ctx, name, commit, f, offset, size)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.Path, err)
	}
	return body, nil
}

func (c *Client) bytes(ctx context.Context, name, commit string, f hub.File, offset, size int64) (io.ReadCloser, error) {
	if size == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	whole := f.Size != nil && offset == 0 && size == int64(*f.Size)
	r := &resuming{c: c, ctx: ctx, name: name, commit: commit, file: f, at: offset, left: size}
	var err error
	if r.body, err = c.open(ctx, name, commit, f, offset, size, whole); err != nil {
		return nil, err
	}
	if whole {
		return hub.Checked(f, r), nil
	}
	return r, nil
}

// open asks for the bytes once.
func (c *Client) open(ctx context.Context, name, commit string, f hub.File, offset, size int64, whole bool) (*exact, error) {
	want := ""
	if !whole {
		want = fmt.Sprintf("bytes=%d-%d", offset, offset+size-1)
	}
	response, err := c.get(ctx, c.Endpoint+"/"+name+"/resolve/"+commit+"/"+escapePath(f.Path), want)
	if err != nil {
		return nil, err
	}
	if err = checkAnswer(response, commit, f, offset, size, whole); err != nil {
		response.Body.Close()
		return nil, err
	}
	return &exact{body: response.Body, left: size, offset: offset}, nil
}

func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// checkAnswer compares what a server says of its answer with what was asked for and
// listed.
func checkAnswer(r *http.Response, commit string, f hub.File, offset, size int64, whole bool) error {
	if got := r.Header.Get(linkedETag); got != "" && f.SHA256 != nil && etag(got) != f.SHA256.String() {
		return fmt.Errorf("the hub serves a file with etag %.80s, and lists SHA-256 %s", etag(got), f.SHA256)
	}
	if got := r.Header.Get(linkedSize); got != "" && f.Size != nil && got != strconv.FormatUint(*f.Size, 10) {
		return fmt.Errorf("the hub serves a file of %.40s bytes, and lists %d", got, *f.Size)
	}
	if got := r.Header.Get(repoCommit); got != "" && got != commit {
		return fmt.Errorf("the hub answers for commit %.80q, asked for %s", got, commit)
	}
	if got := r.Header.Get("Content-Encoding"); got != "" && got != "identity" {
		return fmt.Errorf("the server encodes what it sends (%.40q), and was asked not to", got)
	}
	switch {
	case whole && r.StatusCode == http.StatusOK:
		if r.ContentLength >= 0 && r.ContentLength != size {
			return fmt.Errorf("the server sends %d bytes, the file is listed with %d", r.ContentLength, size)
		}
	case r.StatusCode == http.StatusOK:
		return errors.New("the server sends the whole file instead of a range (a proxy that ignores Range?)")
	case whole || r.StatusCode != http.StatusPartialContent:
		return fmt.Errorf("the server answers %d", r.StatusCode)
	default:
		want := fmt.Sprintf("bytes %d-%d/", offset, offset+size-1)
		total := ""
		if f.Size != nil {
			total = strconv.FormatUint(*f.Size, 10)
		}
		got, ok := strings.CutPrefix(r.Header.Get("Content-Range"), want)
		if !ok || got != "*" && total != "" && got != total {
			return fmt.Errorf("the server sends the range %.80q, asked for \"%s%s\"", r.Header.Get("Content-Range"), want, total)
		}
		if r.ContentLength >= 0 && r.ContentLength != size {
			return fmt.Errorf("the server sends %d bytes of a range of %d", r.ContentLength, size)
		}
	}
	return nil
}

// etag takes the quotes and the mark of a weak etag off.
func etag(s string) string { return strings.Trim(strings.TrimPrefix(s, "W/"), `"`) }

var errTooMuch = errors.New("the server sends more than it said")

// exact fails unless so many bytes come, and no more.
type exact struct {
	body         io.ReadCloser
	left, offset int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		var one [1]byte
		if n, _ := io.ReadFull(e.body, one[:]); n > 0 {
			return 0, errTooMuch
		}
		return 0, io.EOF
	}
	n, err := e.body.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	e.offset += int64(n)
	if err == io.EOF && e.left > 0 || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, fmt.Errorf("the answer ends at byte %d, %d are missing", e.offset, e.left)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (e *exact) Close() error { return e.body.Close() }
