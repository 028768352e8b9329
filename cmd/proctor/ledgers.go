package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/remote"
)

// servingFile says where the home's ledger is being served: nobody else may append to
// its directory then.
const servingFile = "serving"

// ledgerTime is how long a served ledger may take to answer: it waits for a checkpoint
// and for witnesses.
const ledgerTime = 2 * time.Minute

func ledgerFlag() cli.Flag {
	return &cli.StringFlag{Name: "ledger", Usage: "log in the ledger that is served at `URL`, which the policy must know (default: the home's)"}
}

// isURL reports whether a ledger or witness is named by where it is served.
func isURL(s string) bool { return strings.Contains(s, "://") }

// openLedger opens the ledger in which the home's statements are logged: its own, which
// somebody may be serving, or one that is served elsewhere. The caller closes it.
func (h *home) openLedger(ctx context.Context) (ledger.Log, error) {
	url := h.config.Ledger
	if h.ledgerURL != "" {
		url = h.ledgerURL
	}
	if isURL(url) {
		return h.remoteLedger(url)
	}
	if at := h.servedAt(ctx); at != nil {
		vkey, err := h.ledgerVKey()
		if err != nil {
			return nil, err
		}
		key, err := ledger.ParseLogKey(vkey)
		if err != nil {
			return nil, err
		}
		return remote.Open(at.url, key, at.client()), nil
	}
	return h.openOwn(ctx, nil)
}

// remoteLedger is the ledger at a URL, whose key the policy has.
func (h *home) remoteLedger(url string) (ledger.Log, error) {
	policy, err := h.policy()
	if err != nil {
		return nil, err
	}
	for _, key := range policy.Ledger.Logs() {
		if strings.TrimSuffix(key.URL, "/") == strings.TrimSuffix(url, "/") {
			return &heldTo{remote.Open(url, key, ledgerClient()), key, h.path(seenDir)}, nil
		}
	}
	return nil, withHint(fmt.Errorf("the policy has no key of a ledger at %s", url),
		"add a line \"log VKEY "+url+"\" to the ledger's policy in "+h.path(policyFile)+", with the key that its operator publishes")
}

func ledgerClient() *http.Client {
	return &http.Client{Timeout: ledgerTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// markServing says to other commands of the home where its ledger is being served, and
// with which certificate.
func (h *home) markServing(url, cert string) (unmark func(), err error) {
	name := h.path(servingFile)
	if cert != "" {
		if cert, err = filepath.Abs(cert); err != nil {
			return nil, err
		}
	}
	if err := durable.WriteFile(name, []byte(url+"\n"+cert+"\n"), 0o644); err != nil {
		return nil, err
	}
	return func() { os.Remove(name) }, nil
}

// servedAt is where the home's ledger is being served, nil if nowhere: who serves it may
// have been killed.
func (h *home) servedAt(ctx context.Context) *localService {
	data, err := readLimited(h.path(servingFile), 1<<13)
	if err != nil {
		return nil
	}
	url, cert, _ := strings.Cut(string(data), "\n")
	at := &localService{url, strings.TrimSuffix(cert, "\n")}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
	if err != nil {
		return nil
	}
	client := at.client()
	client.Timeout = healthTime
	resp, err := client.Do(r)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(io.LimitReader(resp.Body, 16)); err != nil || string(body) != "ok\n" {
		return nil
	}
	return at
}

// ledgerName says for people where the home's ledger is.
func (h *home) ledgerName() string {
	if url := h.ownURL(); url != "" {
		return url
	}
	return h.path(h.config.Ledger)
}

func quorumOf(h *home) string {
	policy, err := h.policy()
	if err != nil {
		return "what cannot be read"
	}
	return policy.Ledger.Quorum()
}
