package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify"
)

// issuing is a home whose key is unlocked and whose chain of statements nobody
// else can extend meanwhile. One lock covers the choice of the number, the
// signature, the append and the proof: two statements with one number would be
// equivocation.
type issuing struct {
	*home
	env    *env
	cmd    *cli.Context
	signer *signing.Signer
	policy *verify.Policy
	log    ledger.Log
	chain  []*attest.Entry // by number
	now    func() time.Time
	lock   *durable.Lock

	resumed []*attest.Entry // what an earlier command had begun
}

func (e *env) issuing(c *cli.Context, h *home) (_ *issuing, err error) {
	s := &issuing{home: h, env: e, cmd: c, now: e.now}
	if c.Bool("dry-run") {
		return s, s.readOnly()
	}
	password, err := e.password(c)
	if err != nil {
		return nil, err
	}
	if s.policy, err = h.policy(); err != nil {
		return nil, err
	}
	if s.signer, err = h.signer(password); err != nil {
		return nil, err
	}
	if s.lock, err = durable.Acquire(e.ctx, h.path("lock")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close(e.ctx)
		}
	}()
	if s.chain, err = h.readChain(); err != nil {
		return nil, err
	}
	if s.log, err = h.openLedger(e.ctx); err != nil {
		return nil, err
	}
	if err = s.resume(e.ctx); err != nil {
		return nil, fmt.Errorf("finishing what an earlier command began: %w", err)
	}
	for _, entry := range s.resumed {
		fmt.Fprintf(e.stderr, "finished %s %s, which an earlier command had begun: %s\n", entry.Statement.Kind(), entry.Statement.ID, h.packFile(entry))
	}
	return s, nil
}

// readOnly knows the chain, with what is pending, and can sign nothing.
func (s *issuing) readOnly() error {
	pending, err := readEntries(s.path(pendingDir))
	if err != nil {
		return err
	}
	s.chain, err = s.readChain()
	s.chain = append(s.chain, pending...)
	return err
}

func (s *issuing) close(ctx context.Context) error {
	var err error
	if s.log != nil {
		err = s.log.Close(ctx)
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Release())
	}
	return err
}

// next makes a predicate the next statement of the chain.
func (s *issuing) next(p attest.Predicate) (*attest.Statement, error) {
	head := p.Head()
	head.Issuer, head.Seq = s.config.Issuer, uint64(len(s.chain))
	if len(s.chain) > 0 {
		head.Prev = s.chain[len(s.chain)-1].Statement.ID
	}
	return attest.NewStatement(p)
}

// sign signs the next statement and keeps it as pending. Before the first one it
// asks.
func (s *issuing) sign(ctx context.Context, p attest.Predicate) (*attest.Entry, error) {
	st, err := s.next(p)
	if err != nil {
		return nil, err
	}
	if len(s.chain) == 0 {
		if err := s.env.confirm(s.cmd, p); err != nil {
			return nil, err
		}
	}
	bundle, err := s.signer.Sign(ctx, st)
	if err != nil {
		return nil, err
	}
	entry, err := attest.ParseEntry(bundle)
	if err != nil {
		return nil, err
	}
	// On disk before anybody can see it: a number must never be signed twice.
	if err := durable.WriteFile(s.path(pendingDir, entryName(entry)), entry.Bytes, 0o644); err != nil {
		return nil, fmt.Errorf("keeping the signed statement: %w", err)
	}
	return entry, nil
}

// finish takes a signed statement from pending to proven.
func (s *issuing) finish(ctx context.Context, entry *attest.Entry) error {
	hint := fmt.Sprintf("the statement is signed and kept: do not repeat it. The next command that signs gets its proof; its pack is %s then", s.packFile(entry))
	appended, err := s.log.Append(ctx, entry.Bytes)
	if err != nil {
		return withHint(fmt.Errorf("appending to the ledger: %w", err), hint)
	}
	if _, err := s.policy.Ledger.Verify(entry.Bytes, appended.Proof, s.now().Add(s.policy.Skew)); err != nil {
		return withHint(fmt.Errorf("logged at index %d, but not proven yet: %w", appended.Index, err), hint)
	}
	entry.Proof = appended.Proof
	stem := strings.TrimSuffix(entryName(entry), ".sigstore.json")
	if err := durable.WriteFile(s.path(statementsDir, stem+".tlog-proof"), entry.Proof, 0o644); err != nil {
		return fmt.Errorf("keeping the proof: %w", err)
	}
	if err := os.Rename(s.path(pendingDir, entryName(entry)), s.path(statementsDir, entryName(entry))); err != nil {
		return fmt.Errorf("keeping the statement: %w", err)
	}
	s.chain = append(s.chain, entry)
	return errors.Join(durable.SyncDir(s.path(statementsDir)), durable.SyncDir(s.path(pendingDir)))
}

// resume finishes statements that were signed and not proven: a crash, a witness
// that was down.
func (s *issuing) resume(ctx context.Context) error {
	pending, err := readEntries(s.path(pendingDir))
	if err != nil {
		return err
	}
	for _, entry := range pending {
		if seq := entry.Statement.Head().Seq; seq != uint64(len(s.chain)) {
			return withHint(fmt.Errorf("pending statement %d does not follow the %d kept", seq, len(s.chain)),
				"the home was restored or edited; do not sign with it before you know which statements left this machine")
		}
		if err := s.finish(ctx, entry); err != nil {
			return err
		}
		if err := s.renewPack(entry); err != nil {
			return err
		}
		s.resumed = append(s.resumed, entry)
	}
	return nil
}

// renewPack gives the home's pack of an entry the proof that came late. A crash
// may have left none.
func (s *issuing) renewPack(entry *attest.Entry) error {
	pack, done, err := openPack(s.packFile(entry))
	if errors.Is(err, os.ErrNotExist) {
		pack, done, err = attest.NewPack(), func() {}, nil
	}
	if err != nil {
		return err
	}
	defer done()
	return s.keepPack(pack, entry)
}

var entryForm = regexp.MustCompile(`^[0-9]{6,}-[0-9a-f]{64}\.sigstore\.json$`)

func entryName(e *attest.Entry) string {
	return fmt.Sprintf("%06d-%s.sigstore.json", e.Statement.Head().Seq, e.Statement.ID)
}

// readChain reads the issuer's own statements, by number and without a gap.
func (h *home) readChain() ([]*attest.Entry, error) {
	chain, err := readEntries(h.path(statementsDir))
	if err != nil {
		return nil, err
	}
	var prev attest.Hash
	for i, e := range chain {
		head := e.Statement.Head()
		if head.Seq != uint64(i) || head.Prev != prev || head.Issuer != h.config.Issuer {
			return nil, fmt.Errorf("%s: statement %s is not number %d of %s", h.path(statementsDir), e.Statement.ID.Short(), i, h.config.Issuer)
		}
		prev = e.Statement.ID
	}
	return chain, nil
}

func readEntries(dir string) ([]*attest.Entry, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []*attest.Entry
	for _, f := range files {
		if !entryForm.MatchString(f.Name()) {
			continue
		}
		name := filepath.Join(dir, f.Name())
		data, err := readLimited(name, attest.MaxEntry)
		if err != nil {
			return nil, err
		}
		entry, err := attest.ParseEntry(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if entryName(entry) != f.Name() {
			return nil, fmt.Errorf("%s holds statement %d, %s", name, entry.Statement.Head().Seq, entry.Statement.ID)
		}
		proof, err := readLimited(strings.TrimSuffix(name, ".sigstore.json")+".tlog-proof", 1<<20)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		entry.Proof = proof
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b *attest.Entry) int {
		return cmp.Compare(a.Statement.Head().Seq, b.Statement.Head().Seq)
	})
	return list, nil
}

// addChain adds to a pack the issuer's own statements from the first one in it on,
// so that a verifier can follow the numbering.
func (s *issuing) addChain(p *attest.Pack) {
	first := uint64(len(s.chain))
	for _, e := range p.Entries {
		if head := e.Statement.Head(); head.Issuer == s.config.Issuer {
			first = min(first, head.Seq)
		}
	}
	for _, e := range s.chain[first:] {
		p.Entries[e.Statement.ID] = e
	}
}

// ownStatement finds a statement of the chain by id or unique prefix.
func ownStatement(chain []*attest.Entry, arg string) (*attest.Entry, error) {
	var found *attest.Entry
	for _, e := range chain {
		if len(arg) >= 6 && strings.HasPrefix(e.Statement.ID.String(), arg) {
			if found != nil {
				return nil, fmt.Errorf("%q begins both %s and %s", arg, found.Statement.ID, e.Statement.ID)
			}
			found = e
		}
	}
	if found == nil {
		return nil, withHint(fmt.Errorf("none of your statements is %q", arg), `"proctor ledger show" lists them; a prefix of six digits will do`)
	}
	return found, nil
}
