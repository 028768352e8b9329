package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/witness"
	"github.com/proctor-attest/proctor/verify"
)

// policyInForce is a policy that a service goes by, and the hash of its file.
type policyInForce struct {
	*verify.Policy
	hash      [32]byte
	witnesses []string // of a home's: those that its config.toml names
}

func readPolicyInForce(name string) (*policyInForce, error) {
	data, err := readLimited(name, 1<<20)
	if err != nil {
		return nil, err
	}
	p, err := verify.ParsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &policyInForce{Policy: p, hash: sha256.Sum256(data)}, nil
}

func freshPolicy(name string) (*fresh[policyInForce], error) {
	return newFresh("policy", func() (*policyInForce, error) { return readPolicyInForce(name) }, name)
}

// freshHomePolicy is the policy of a home with the witnesses that it asks.
func (e *env) freshHomePolicy(h *home) (*fresh[policyInForce], error) {
	return newFresh("policy", func() (*policyInForce, error) {
		p, err := readPolicyInForce(h.path(policyFile))
		if err != nil {
			return nil, err
		}
		now, err := e.openHomeIn(h.dir)
		if err != nil {
			return nil, err
		}
		p.witnesses = now.config.Witnesses
		_, err = now.cosigners(p.Ledger) // one that cannot be asked is of no use
		return p, err
	}, h.path(policyFile), h.path(configFile))
}

// cosigning has the checkpoints of a served ledger cosigned, by the quorum of the home's
// policy or not at all: an answer with less would be good for nothing. It tells of each
// witness that fails, whether or not the others are enough.
type cosigning struct {
	home   *home
	policy *fresh[policyInForce]
	log    *slog.Logger
	failed *prometheus.CounterVec

	mu   sync.Mutex
	told map[string]witnessTold // by the name of a witness
}

// witnessTold is what was logged last of a witness: not every second the same.
type witnessTold struct {
	why string
	at  time.Time
}

const tellAgain = 5 * time.Minute

func newCosigning(h *home, policy *fresh[policyInForce], log *slog.Logger) *cosigning {
	h.clients = map[string]*witness.Client{}
	return &cosigning{home: h, policy: policy, log: log, told: map[string]witnessTold{},
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "proctor_ledger_witness_failures_total", Help: "Checkpoints that a witness was asked to cosign and did not, by witness.",
		}, []string{"witness"})}
}

// cosign is a tiles.CosignFunc. Checkpoints follow each other.
func (c *cosigning) cosign(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
	policy := c.policy.get()
	c.home.config.Witnesses = policy.witnesses
	cosigners, err := c.home.cosigners(policy.Ledger)
	if err != nil {
		return checkpoint, err
	}
	check := func(signed []byte) error {
		_, err := policy.Ledger.VerifyCheckpoint(signed, c.home.now().Add(policy.Skew))
		return err
	}
	cosigned, errs := witness.Gather(ctx, r, checkpoint, cosigners, func(signed []byte) bool { return check(signed) == nil })
	latest := c.home.now().Add(policy.Skew)
	for _, w := range policy.Ledger.Witnesses() {
		if at, err := w.Cosigned(cosigned); err == nil && at.After(latest) {
			errs = append(errs, &witness.FailedError{Witness: w.Name, Err: fmt.Errorf("it cosigned at %s, and here it is %s: one of two clocks is wrong", at.Format(time.RFC3339), c.home.now().UTC().Format(time.RFC3339))})
		}
	}
	c.tell(cosigners, errs)
	if err := check(cosigned); err != nil {
		return checkpoint, errors.Join(append([]error{err}, errs...)...)
	}
	return cosigned, nil
}

// tell logs and counts who did not cosign.
func (c *cosigning) tell(cosigners []witness.Cosigner, errs []error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	why := map[string]string{}
	for _, err := range errs {
		var failed *witness.FailedError
		if errors.As(err, &failed) && !errors.Is(err, witness.ErrNotAwaited) {
			why[failed.Witness] = failed.Err.Error()
		}
	}
	for _, w := range cosigners {
		name, now := w.Name(), time.Now()
		last, was := c.told[name]
		switch said, fails := why[name]; {
		case !fails && was && !notAwaited(errs, name):
			delete(c.told, name)
			c.log.Info("witness cosigns again", "witness", name)
		case fails:
			c.failed.WithLabelValues(name).Inc()
			if said != last.why || now.Sub(last.at) >= tellAgain {
				c.told[name] = witnessTold{said, now}
				c.log.Warn("witness did not cosign", "witness", name, "why", said)
			}
		}
	}
}

func notAwaited(errs []error, name string) bool {
	for _, err := range errs {
		var failed *witness.FailedError
		if errors.As(err, &failed) && failed.Witness == name {
			return true
		}
	}
	return false
}
