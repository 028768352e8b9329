package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// operatorPrefix begins the line of a witness's file that says who runs it.
const operatorPrefix = "# operator "

// witnessTime is how long a witness may take to answer.
const witnessTime = 10 * time.Second

// namedWitness is a witness as "init --witness" finds it.
type namedWitness struct {
	name, vkey, operator string
	entry                string // in config.toml
	url                  string
}

// readWitness reads what --witness names: the directory of a witness, or the file that
// "ledger witness show --url" prints, of one that somebody serves.
func readWitness(arg, home, logKey string) ([]namedWitness, error) {
	w, err := witness.Open(arg)
	if err == nil {
		entry, err := relativeTo(home, arg)
		return []namedWitness{{name: witnessName(w.Name()), vkey: w.VKey(), operator: w.Operator(), entry: entry}}, err
	}
	data, fileErr := readLimited(arg, 1<<16)
	if fileErr != nil {
		return nil, fmt.Errorf("witness %s: %w", arg, err)
	}
	list, err := parseWitnessFile(string(data), logKey)
	if err != nil {
		return nil, withHint(fmt.Errorf("witness %s: %w", arg, err), `want what "proctor ledger witness show --url URL" prints`)
	}
	return list, nil
}

// parseWitnessFile reads lines of a policy, which needs a log to be one.
func parseWitnessFile(text, logKey string) ([]namedWitness, error) {
	_, operator, ok := strings.Cut("\n"+text, "\n"+operatorPrefix)
	operator, _, _ = strings.Cut(operator, "\n")
	if operator = strings.TrimSpace(operator); !ok || operator == "" {
		return nil, fmt.Errorf("no line that begins with %q", operatorPrefix)
	}
	p, err := ledger.ParsePolicy([]byte(strings.TrimSpace(text) + "\nlog " + logKey + "\nquorum none\n"))
	if err != nil {
		return nil, err
	}
	var list []namedWitness
	for _, k := range p.Witnesses() {
		if k.URL == "" {
			return nil, fmt.Errorf("witness %s has no URL", k.Name)
		}
		list = append(list, namedWitness{name: k.Name, vkey: k.VKey, operator: operator, entry: k.URL, url: k.URL})
	}
	if len(list) == 0 {
		return nil, errors.New("no witness in it")
	}
	return list, nil
}

// relativeTo is a path as config.toml of a home names it.
func relativeTo(home, name string) (string, error) {
	at, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	base, err := filepath.Abs(home)
	if err != nil {
		return "", err
	}
	if relative, err := filepath.Rel(base, at); err == nil {
		at = relative
	}
	return filepath.ToSlash(at), nil
}

// cosigners are the witnesses that config.toml names: directories, or URLs, of which
// the policy has the keys.
func (h *home) cosigners(policy *ledger.Policy) ([]witness.Cosigner, error) {
	var list []witness.Cosigner
	client := witnessHTTP()
	for _, entry := range h.config.Witnesses {
		if !isURL(entry) {
			w, err := witness.Open(h.relative(entry))
			if err != nil {
				return nil, fmt.Errorf("witness %s: %w", entry, err)
			}
			w.Now = h.now
			list = append(list, w)
			continue
		}
		before := len(list)
		for _, key := range policy.Witnesses() {
			if key.URL == entry {
				list = append(list, h.witnessClient(key, client))
			}
		}
		if len(list) == before {
			return nil, withHint(fmt.Errorf("witness %s: the policy has no key of a witness with this URL", entry), "add a line \"witness NAME VKEY "+entry+"\" to the ledger's policy in "+h.path(policyFile))
		}
	}
	return list, nil
}

// witnessTransport bounds what a witness may say before its answer.
var witnessTransport = func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}()

func witnessHTTP() *http.Client {
	return &http.Client{Transport: witnessTransport, Timeout: witnessTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// witnessClient is a client of a witness, which remembers for a service what the witness
// cosigned last.
func (h *home) witnessClient(key ledger.WitnessKey, c *http.Client) *witness.Client {
	if known := h.clients[key.URL+" "+key.VKey]; known != nil {
		return known
	}
	w := witness.NewClient(key.URL, key, c)
	if h.clients != nil {
		h.clients[key.URL+" "+key.VKey] = w
	}
	return w
}

// cosign asks the home's witnesses, until they are enough for the policy. What is
// missing shows when the proof is held against the policy; a witness that is down must
// not lose what others gave.
func (h *home) cosign(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
	policy, err := h.policy()
	if err != nil {
		return checkpoint, err
	}
	cosigners, err := h.cosigners(policy.Ledger)
	if err != nil {
		return checkpoint, err
	}
	enough := func(signed []byte) bool {
		_, err := policy.Ledger.VerifyCheckpoint(signed, h.now().Add(policy.Skew))
		return err == nil
	}
	cosigned, errs := witness.Gather(ctx, r, checkpoint, cosigners, enough)
	if len(errs) > 0 && len(errs) == len(cosigners) {
		return cosigned, errors.Join(errs...)
	}
	return cosigned, nil
}

// lastCosigned is the last checkpoint of a log that a witness cosigned, or nil.
func lastCosigned(ctx context.Context, w witness.Cosigner, log ledger.LogKey) ([]byte, error) {
	switch w := w.(type) {
	case *witness.Witness:
		return w.Checkpoint(log.Origin)
	case *witness.Client:
		return w.Checkpoint(ctx, log)
	}
	return nil, fmt.Errorf("a %T keeps no checkpoints", w)
}
