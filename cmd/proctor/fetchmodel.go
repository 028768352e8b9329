package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/hub/remote"
	"github.com/proctor-attest/proctor/ledger/durable"
)

const sampleSuffix = ".sample.zip"

// fetchModel saves a published model, or less of it.
func (e *env) fetchModel(c *cli.Context, arg string) error {
	repo, err := hub.ParseRepo(arg)
	if err != nil {
		return usagef("%s", err)
	}
	tier := c.Int("tier")
	suffix, ok := map[int]string{1: ".json", 3: sampleSuffix, 4: ""}[tier]
	if !ok {
		return withHint(usagef("there is no tier %d to fetch", tier), "1 is the listing, 3 a sample, 4 every byte; 2 is a git clone of the repository")
	}
	if draws := c.Int("draws"); draws < 1 || draws > hub.MaxDraws {
		return usagef("--draws %d: want 1 to %d", draws, hub.MaxDraws)
	}
	out := cmp.Or(c.String("out"), path.Base(repo.Name)+suffix)
	if tier != 4 {
		if err := newFile(out); err != nil {
			return err
		}
	}
	client := &remote.Client{
		Endpoint: strings.TrimRight(cmp.Or(os.Getenv("HF_ENDPOINT"), remote.DefaultEndpoint), "/"),
		Token:    os.Getenv("HF_TOKEN"), UserAgent: "proctor/" + version, Stall: c.Duration("timeout"),
		Waiting: func(d time.Duration) { e.note(c, "the hub does not answer now: asking again in %s", d) },
	}
	l, raw, err := client.Listing(c.Context, repo)
	if err != nil {
		return hubHint(err)
	}
	if l.Repo != "" && l.Repo != repo.Name {
		e.note(c, "the hub calls %s%s now %s%s", hub.Scheme, repo.Name, hub.Scheme, oneLine(l.Repo))
	}
	repo.Revision = l.Revision
	switch tier {
	case 3:
		err = e.fetchSample(c, client, repo, raw, out)
	case 4:
		err = e.fetchFiles(c, client, repo, l, raw, out)
	default:
		if err = durable.WriteFile(out, raw, 0o644); err == nil {
			fmt.Fprintf(e.stdout, "listing   %s, %d files\nsaved     %s\n", repo, len(l.Files), out)
		}
	}
	return hubHint(err)
}

// hubHint says what to do about an answer of the hub.
func hubHint(err error) error {
	var status *remote.StatusError
	if !errors.As(err, &status) {
		return err
	}
	switch status.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return withHint(err, "a private or gated repository, or none: ask for access on the hub and give a token in HF_TOKEN")
	case http.StatusNotFound:
		return withHint(err, "want hf:ORG/NAME, or hf:ORG/NAME@COMMIT with a commit that is there still")
	case http.StatusTooManyRequests:
		return withHint(err, "wait, or give a token in HF_TOKEN: the hub allows more to those it knows")
	}
	return err
}

// fetchSample draws with randomness of this machine, once the listing and the headers
// are there: no server can tell beforehand which tensors will be read.
func (e *env) fetchSample(c *cli.Context, client *remote.Client, repo hub.Repo, raw []byte, out string) error {
	about := hub.About{
		Endpoint: client.Endpoint, Repo: repo.Name, Draws: c.Int("draws"), Weights: c.String("weights"),
		Fetched: e.now().UTC().Format(time.RFC3339),
	}
	seed := func() (s attest.Hash, err error) {
		_, err = rand.Read(s[:])
		return s, err
	}
	bar := e.progress(c, "sampling "+repo.Name, 0)
	defer bar.done()
	var plan *hub.Plan
	err := durable.Write(out, 0o644, func(w io.Writer) (err error) {
		plan, err = hub.Save(w, about, raw, hubSource{c.Context, client, repo}, seed, bar.bytes)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", repo, err)
	}
	bar.done()
	fmt.Fprintf(e.stdout, "sample    %s\nread      %d of %d tensors, %s of %s, in %d draws by bytes\n%s\nsaved     %s\n",
		repo, plan.Tensors, plan.Of, size(int64(plan.Bytes)), size(int64(plan.OfAll)), plan.Draws, missedText(plan.Draws), out)
	e.note(c, "the draw is this machine's: whoever takes the sample from you relies on your word that you did not choose it")
	return nil
}

// missedText says what a sample of so many draws can miss.
func missedText(draws int) string {
	text := "missed    altered tensors"
	for i, percent := range []int{1, 2, 5} {
		sep := ","
		if i == 0 {
			sep = ""
		}
		text += fmt.Sprintf("%s with %d %% of all bytes by %.2g", sep, percent, hub.Missed(float64(percent)/100, draws))
	}
	return text + " (probability)"
}

type hubSource struct {
	ctx    context.Context
	client *remote.Client
	repo   hub.Repo
}

func (s hubSource) Bytes(f hub.File, offset, size int64) (io.ReadCloser, error) {
	return s.client.Bytes(s.ctx, s.repo.Name, s.repo.Revision, f, offset, size)
}

// fetchFiles saves every file, and the listing beside them.
func (e *env) fetchFiles(c *cli.Context, client *remote.Client, repo hub.Repo, l *hub.Listing, raw []byte, out string) error {
	bar := e.progress(c, "fetching "+repo.Name, 0)
	defer bar.done()
	if err := client.Download(c.Context, repo.Name, l, out, bar.bytes); err != nil {
		return withHint(fmt.Errorf("%s: %w", repo, err), "the same command goes on where this one ended")
	}
	bar.done()
	if err := durable.WriteFile(out+".json", raw, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "files     %s, %d files, each as it is listed\nsaved     %s\nlisting   %s\n", repo, len(l.Files), out, out+".json")
	return nil
}
