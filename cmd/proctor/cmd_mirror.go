package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

func (e *env) runLedgerMirror(c *cli.Context) error {
	arg, err := oneArg(c, "a ledger's directory or URL")
	if err == nil {
		err = need(c, "out")
	}
	if err != nil {
		return err
	}
	policy, err := readPolicy(policyName(c))
	if err != nil {
		return err
	}
	from := ledger.Dir(arg)
	if strings.Contains(arg, "://") {
		u, err := url.Parse(arg)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" {
			return usagef("%q is not an http or https URL", arg)
		}
		from = &httpReader{e: e, c: c, base: u}
	} else if _, err := os.Stat(arg); err != nil {
		return err
	}
	open := func(signed []byte) (ledger.Checkpoint, error) {
		said, err := ledger.ParseCheckpoint(signed)
		if err != nil {
			return said, err
		}
		for _, key := range policy.Ledger.Logs() {
			if key.Origin == said.Origin {
				return key.Open(signed)
			}
		}
		return said, fmt.Errorf("your policy has no log %q", said.Origin)
	}
	bar := e.progress(c, "copying", 0)
	cp, err := ledger.Mirror(c.Context, from, c.String("out"), open, func(files, of uint64) { bar.bytes(int64(files), int64(of)) })
	bar.done()
	var damaged *ledger.TileError
	if errors.As(err, &damaged) {
		return withHint(err, "remove what it names from "+c.String("out")+" and mirror again; if that does not help, it is the ledger that is damaged")
	}
	if err != nil {
		return e.rollback(err)
	}
	fmt.Fprintf(e.stdout, "ledger    %s\nsize      %d\nroot      %s\ncopy      %s\n", cp.Origin, cp.Size, attest.Hash(cp.Root), c.String("out"))
	return nil
}

// rollback reports two checkpoints that one log signed and that exclude each other;
// other errors it returns.
func (e *env) rollback(err error) error {
	var rollback *ledger.RollbackError
	if !errors.As(err, &rollback) {
		return err
	}
	fmt.Fprintf(e.stdout, "ledger    misbehaves\n\n%s\n%s", rollback.Old.Signed, rollback.New.Signed)
	fmt.Fprintf(e.stderr, "proctor: %s\nhint: keep both checkpoints and the copy: together they are evidence\n", err)
	return &verdictError{exitContradicted}
}

// httpReader reads a ledger that is served as c2sp.org/tlog-tiles.
type httpReader struct {
	e    *env
	c    *cli.Context
	base *url.URL
}

const maxTile = 256 * (2 + ledger.MaxEntry)

func (r *httpReader) get(_ context.Context, path string) ([]byte, error) {
	return r.e.get(r.c, r.base.JoinPath(path), maxTile)
}

func (r *httpReader) ReadCheckpoint(ctx context.Context) ([]byte, error) {
	return r.get(ctx, "checkpoint")
}

func (r *httpReader) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return r.partial(ctx, ledger.TilePath(level, index, p), ledger.TilePath(level, index, 0))
}

func (r *httpReader) ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error) {
	return r.partial(ctx, ledger.BundlePath(index, p), ledger.BundlePath(index, 0))
}

// partial falls back to the full tile, as partial ones go when it is there.
func (r *httpReader) partial(ctx context.Context, path, full string) ([]byte, error) {
	data, err := r.get(ctx, path)
	if path != full && errors.Is(err, fs.ErrNotExist) {
		return r.get(ctx, full)
	}
	return data, err
}

// statusError is an answer other than 200.
func statusError(target *url.URL, response *http.Response) error {
	err := fmt.Errorf("%s: %s", target, response.Status)
	if response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w (%w)", err, fs.ErrNotExist)
	}
	io.Copy(io.Discard, io.LimitReader(response.Body, 1<<12))
	return err
}
