//go:build !js

package verify

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/attest/signing/localtsa"
)

const (
	stampers      = "https://stampers.example"
	otherStampers = "https://other-stampers.example"
)

// authority is one by that name, which exists as long as the test runs.
func authority(c localtsa.Config) *localtsa.Authority {
	authorities.Lock()
	defer authorities.Unlock()
	if authorities.made == nil {
		authorities.made = map[string]*localtsa.Authority{}
	}
	if a := authorities.made[c.Name]; a != nil {
		return a
	}
	a, err := localtsa.New(c)
	if err != nil {
		panic(err)
	}
	authorities.made[c.Name] = a
	return a
}

var authorities struct {
	sync.Mutex
	made map[string]*localtsa.Authority
}

func honestTSA() *localtsa.Authority { return authority(localtsa.Config{Name: "Stampers"}) }

// checkToken is what a program gives as Options.CheckToken.
func checkToken(token, message []byte, by *TSA) (time.Time, error) {
	a, err := signing.ParseAuthority([]byte(by.Chain), by.OID)
	if err != nil {
		return time.Time{}, err
	}
	t, err := a.Check(token, message)
	if errors.Is(err, signing.ErrOtherBytes) {
		return time.Time{}, ErrOtherBytes
	}
	if err != nil {
		return time.Time{}, err
	}
	return t.NotAfter(), nil
}

// believing has the policy believe an authority too.
func believing(name, operator string, chain []byte, more string) func(string) string {
	return func(s string) string {
		return s + fmt.Sprintf("\n[[tsa]]\nname = %q\noperator = %q\nchain = '''\n%s'''\n%s", name, operator, chain, more)
	}
}

// noQuorum has the policy ask for no witness, and for tokens of so many operators.
func noQuorum(threshold int, more ...func(string) string) func(string) string {
	return func(s string) string {
		s = strings.Replace(s, "quorum w1\n", "quorum none\n", 1)
		s = strings.Replace(s, "freshness =", fmt.Sprintf("tsa_threshold = %d\nfreshness =", threshold), 1)
		s = strings.Replace(s, operator+`"]]`, operator+`", "`+stampers+`", "`+otherStampers+`"]]`, 1)
		for _, m := range more {
			s = m(s)
		}
		return s
	}
}

func signedCheckpoint(e *attest.Entry) []byte {
	_, note, _ := bytes.Cut(e.Proof, []byte("\n\n"))
	return note
}

func (w *world) token(a *localtsa.Authority, message []byte, at time.Time) []byte {
	token, err := a.Stamp(message, at)
	w.must(err)
	return token
}

// stampAll has authorities date the checkpoint of every entry.
func (w *world) stampAll(by ...*localtsa.Authority) {
	for i, e := range w.log {
		e.Timestamp = nil
		for _, a := range by {
			e.Timestamp = append(e.Timestamp, w.token(a, signedCheckpoint(e), w.loggedAt(i).Add(time.Second))...)
		}
	}
}

// tokenForgeries are about tokens of timestamp authorities, where nothing else dates
// what is logged.
func tokenForgeries() []forgery {
	const theResult, theRegistration = 3, 2
	undated := []string{"order/registered-before-result"}
	honest := believing("stampers", stampers, honestTSA().Chain(), "")
	// as has one entry stamped otherwise.
	as := func(i int, token func(w *world, e *attest.Entry, at time.Time) []byte) func(*world) {
		return func(w *world) {
			w.stampAll(honestTSA())
			w.log[i].Timestamp = token(w, w.log[i], w.loggedAt(i).Add(time.Second))
		}
	}
	stamped := func(w *world) { w.stampAll(honestTSA()) }
	// by has the result stamped by another authority.
	by := func(a *localtsa.Authority) func(*world) {
		return as(theResult, func(w *world, e *attest.Entry, at time.Time) []byte { return w.token(a, signedCheckpoint(e), at) })
	}
	expired := authority(localtsa.Config{Name: "Expired", Until: started})
	forCode := authority(localtsa.Config{Name: "Code", Leaf: func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: localtsa.Critical.Id, Critical: true, Value: append([]byte{0x30, 0x0a, 0x06, 0x08}, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03)}}
	}})
	rooted, second, other := authority(localtsa.Config{Name: "Rooted"}), authority(localtsa.Config{Name: "Second"}), authority(localtsa.Config{Name: "Other"})
	three := noQuorum(2, honest, believing("second", stampers, second.Chain(), ""), believing("other", otherStampers, other.Chain(), ""))
	forged := func(name, what string, policy func(string) string, pack func(*world)) forgery {
		return forgery{
			name: name, what: what, expect: "missing order/logged", also: undated,
			base: hooks{policy: policy, pack: stamped}, hooks: hooks{policy: policy, pack: pack},
		}
	}
	list := []forgery{
		forged("token-stranger", "the result's token is of an authority that the policy does not know", noQuorum(1, honest), by(authority(localtsa.Config{Name: "Stranger"}))),
		forged("token-namesake", "the result's token is of an authority with the names of one that the policy knows", noQuorum(1, honest), func(w *world) {
			namesake, err := localtsa.New(localtsa.Config{Name: "Stampers"})
			w.must(err)
			by(namesake)(w)
		}),
		forged("token-expired", "the result's token is dated after the authority's certificates expired", noQuorum(1, honest, believing("expired", stampers, expired.Roots(), "")), by(expired)),
		forged("token-usage", "the result's token is signed under a certificate that is for code", noQuorum(1, honest, believing("code", stampers, forCode.Roots(), "")), by(forCode)),
		forged("token-own-chain", "what links the certificate of the result's token to the policy's root lies in the token alone", noQuorum(1, honest, believing("rooted", stampers, rooted.Root(), "")), by(rooted)),
		forged("token-until", "the result's token is of a time for which the policy no longer believes the authority", noQuorum(1, honest, believing("other", otherStampers, other.Chain(), "until = "+started.Format(time.RFC3339)+"\n")), by(other)),
		forged("token-from", "the result's token is of a time before the policy believes the authority", noQuorum(1, honest, believing("other", otherStampers, other.Chain(), "from = "+headTime.Format(time.RFC3339)+"\n")), by(other)),
		forged("token-oid", "the result's token is made under another policy of the authority than it must be", noQuorum(1, honest, believing("other", otherStampers, other.Chain(), "oid = \"1.2.3.4.2\"\n")), by(other)),
		forged("token-other-checkpoint", "the result's token is over the checkpoint of the registration", noQuorum(1, honest), as(theResult, func(w *world, _ *attest.Entry, at time.Time) []byte {
			return w.token(honestTSA(), signedCheckpoint(w.log[theRegistration]), at)
		})),
		forged("token-unsigned-checkpoint", "the result's token is over the text of its checkpoint, which anybody could foretell, without the signatures", noQuorum(1, honest), as(theResult, func(w *world, e *attest.Entry, at time.Time) []byte {
			text, _ := checkpointOf(e.Proof)
			return w.token(honestTSA(), []byte(text), at)
		})),
		forged("token-future", "the result's token is dated tomorrow", noQuorum(1, honest), as(theResult, func(w *world, e *attest.Entry, _ time.Time) []byte {
			return w.token(honestTSA(), signedCheckpoint(e), judgedAt.AddDate(0, 0, 1))
		})),
		forged("token-before-cosignature", "the result's token is dated a day before the cosignature that it covers", noQuorum(1, honest), as(theResult, func(w *world, e *attest.Entry, at time.Time) []byte {
			return w.token(honestTSA(), signedCheckpoint(e), at.AddDate(0, 0, -1))
		})),
		forged("token-malformed", "the result's token is cut off", noQuorum(1, honest), as(theResult, func(_ *world, e *attest.Entry, _ time.Time) []byte {
			return e.Timestamp[:len(e.Timestamp)-1]
		})),
		forged("token-one-operator", "the policy wants two operators, and the result has two tokens of one", three, func(w *world) {
			w.stampAll(honestTSA(), other)
			e := w.log[theResult]
			e.Timestamp = nil
			for _, a := range []*localtsa.Authority{honestTSA(), second} {
				e.Timestamp = append(e.Timestamp, w.token(a, signedCheckpoint(e), w.loggedAt(theResult).Add(time.Second))...)
			}
		}),
		forged("token-over-payload", "the registration's token is over its payload: one can be had for a thousand, of which the best is logged", noQuorum(1, honest), as(theRegistration, func(w *world, e *attest.Entry, at time.Time) []byte {
			return w.token(honestTSA(), e.Bundle.Payload, at)
		})),
	}
	// Where nobody cosigns, the round alone tells.
	late := func(w *world, p *attest.Result) { p.NotBefore = w.round(started.Add(150 * time.Minute)) }
	bare := noQuorum(1, honest, func(s string) string {
		return strings.Replace(s, "[operators]\n", fmt.Sprintf("[operators]\n%q = %q\n", logOrigin, operator), 1)
	})
	uncosigned := func(at time.Time) func(*world) {
		return func(w *world) {
			for i := range w.log {
				w.log[i].Proof = w.proofBy(i, uint64(i+1), nil)
			}
			w.stampAll(honestTSA())
			w.log[theResult].Timestamp = w.token(honestTSA(), signedCheckpoint(w.log[theResult]), at)
		}
	}
	list = append(list, forgery{
		name: "token-before-round", what: "the result's token is dated before the beacon round that the result carries", expect: "missing order/logged", also: undated,
		base: hooks{policy: bare, result: late, pack: uncosigned(started.Add(3 * time.Hour))}, hooks: hooks{policy: bare, result: late, pack: uncosigned(started.Add(2 * time.Hour))},
	})
	for i := range list {
		switch list[i].name {
		case "token-one-operator":
			list[i].base.pack = func(w *world) { w.stampAll(honestTSA(), other) }
		case "token-over-payload":
			list[i].also = append(slices.Clone(undated), "registration/terms")
		}
	}
	return list
}

// Each token is idle for the reason that its forgery is about.
func TestTokenForgeries(t *testing.T) {
	for name, want := range map[string]string{
		"stranger": "not a certificate of the authority", "namesake": "another certificate", "expired": "expired",
		"usage": "incompatible key usage", "own-chain": "unknown authority", "until": "outside the time", "from": "outside the time", "oid": "OID",
		"other-checkpoint": "neither the payload nor", "unsigned-checkpoint": "neither the payload nor",
		"future": "in the future", "before-cosignature": "before the cosignatures", "before-round": "before the beacon round", "malformed": "not DER",
		"one-operator": "tokens of 2 operators", "over-payload": "over the payload alone",
	} {
		data, err := os.ReadFile(filepath.Join(forgeryDir, "token-"+name+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := judgeArchive(t, txtar.Parse(data), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := checkOf(t, v, "order/logged"); !strings.Contains(got.Detail, want) {
			t.Errorf("%s: order/logged says %q, want %q", name, got.Detail, want)
		}
	}
}

// event is what the timeline says of a kind of statement.
func event(t *testing.T, v *Verdict, kind string) Event {
	t.Helper()
	for _, e := range v.Claims[0].Rows[0].Timeline {
		if e.Kind == kind {
			return e
		}
	}
	t.Fatalf("the timeline has no %s", kind)
	return Event{}
}

// Whose token proves what: somebody independent of the parties has to have made one, and
// somebody such has to have signed the checkpoint.
func TestTokenBounds(t *testing.T) {
	honest := believing("stampers", stampers, honestTSA().Chain(), "")
	ownLedger := func(s string) string {
		return strings.Replace(s, fmt.Sprintf("w1 = %q", operator), fmt.Sprintf("w1 = %q", lab), 1)
	}
	withOperator := func(s string) string {
		return strings.Replace(ownLedger(s), "[operators]\n", fmt.Sprintf("[operators]\n%q = %q\n", logOrigin, operator), 1)
	}
	aMinuteEarlier := func(w *world) {
		for i, e := range w.log {
			e.Timestamp = w.token(honestTSA(), signedCheckpoint(e), w.loggedAt(i).Add(-time.Minute))
		}
	}
	second := authority(localtsa.Config{Name: "Second"})
	half := authority(localtsa.Config{Name: "Half", Stamp: func(s *timestamp.Timestamp) { s.Accuracy = time.Second / 2 }})
	bare := func(w *world) {
		for i := range w.log {
			w.log[i].Proof = w.proofBy(i, uint64(i+1), nil)
		}
		w.stampAll(honestTSA())
	}
	late := func(s string) string {
		return strings.Replace(noQuorum(1, honest)(s), "quorum none\n", "quorum w1\n", 1)
	}
	for _, c := range []struct {
		name   string
		policy func(string) string
		pack   func(*world)
		want   State
		after  time.Duration // of the registration's bound, after its cosignature
		says   string
	}{
		{"independent authority, independent witness", noQuorum(1, honest), func(w *world) { w.stampAll(honestTSA()) }, Proven, time.Second, "timestamp authority"},
		{"independent authority, independent ledger", noQuorum(1, honest, withOperator), bare, Proven, time.Second, "timestamp authority"},
		{"independent authority, own ledger and witness", noQuorum(1, honest, ownLedger), func(w *world) { w.stampAll(honestTSA()) }, Attested, time.Second, "they can have others"},
		{"own authority, independent ledger", noQuorum(1, believing("own", lab, honestTSA().Chain(), ""), withOperator), bare, Attested, time.Second, "no timestamp authority"},
		{"a quorum, and a token a second later", late, func(w *world) { w.stampAll(honestTSA()) }, Proven, 0, "every statement, with a witness that"},
		{"a quorum, and a token a minute earlier", late, aMinuteEarlier, Proven, -time.Minute, "every statement"},
		{"two that are wanted, the later one first", noQuorum(2, honest, believing("other", otherStampers, half.Chain(), "")), func(w *world) {
			for i, e := range w.log {
				late, early := w.token(half, signedCheckpoint(e), w.loggedAt(i).Add(5*time.Second)), w.token(honestTSA(), signedCheckpoint(e), w.loggedAt(i).Add(time.Second))
				e.Timestamp = append(late, early...)
			}
		}, Proven, 6 * time.Second, "timestamp authority"},
		{"one that is wanted of two, the later one first", noQuorum(1, honest, believing("other", otherStampers, half.Chain(), "")), func(w *world) {
			for i, e := range w.log {
				late, early := w.token(half, signedCheckpoint(e), w.loggedAt(i).Add(5*time.Second)), w.token(honestTSA(), signedCheckpoint(e), w.loggedAt(i).Add(time.Second))
				e.Timestamp = append(late, early...)
			}
		}, Proven, time.Second, "timestamp authority"},
		{"two operators, after two authorities of one", noQuorum(2, honest, believing("second", stampers, second.Chain(), ""), believing("other", otherStampers, half.Chain(), "")), func(w *world) {
			w.stampAll(honestTSA(), second)
			for i, e := range w.log {
				e.Timestamp = append(e.Timestamp, w.token(half, signedCheckpoint(e), w.loggedAt(i).Add(9*time.Second))...)
			}
		}, Proven, 10 * time.Second, "timestamp authority"},
		{"own witness, and a token of an independent authority", func(s string) string { return ownLedger(late(s)) }, aMinuteEarlier, Attested, -time.Minute, "they can have others"},
		{"own witness, and a token of one's own authority", func(s string) string {
			return strings.Replace(noQuorum(1, believing("own", lab, honestTSA().Chain(), ""), ownLedger)(s), "quorum none\n", "quorum w1\n", 1)
		}, aMinuteEarlier, Attested, -time.Minute, "they witness themselves"},
		{"an authority that is half a second off, or less", noQuorum(1, believing("half", stampers, half.Chain(), "")), func(w *world) { w.stampAll(half) }, Proven, 2 * time.Second, "timestamp authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, hooks{policy: c.policy, pack: c.pack})
			v := w.verify()
			checkWords(t, v)
			if got := checkOf(t, v, "order/logged"); got.State != c.want || !strings.Contains(got.Detail, c.says) {
				t.Errorf("order/logged is %s, %s; want %s with %q", got.State, got.Detail, c.want, c.says)
			}
			if got, want := event(t, v, "registration"), w.loggedAt(2).Add(c.after); !got.NotAfter.Equal(want) || got.Bound != c.want {
				t.Errorf("the registration is %s by %s, want %s by %s", got.Bound, got.NotAfter, c.want, want)
			}
			if got, want := w.policy().LoggedBy(w.log[2], Options{At: judgedAt, CheckToken: checkToken}), w.loggedAt(2).Add(c.after); !got.Equal(want) {
				t.Errorf("LoggedBy = %s, want %s", got, want)
			}
			if got := strings.Join(v.Trusting, "\n"); !strings.Contains(got, "timestamp authority") {
				t.Errorf("nobody is told that an authority is trusted: %s", got)
			}
		})
	}
}

// A token over the payload dates a test set, and nothing that is picked when the outcome
// is known; nor does it show that a key signed while it was trusted.
func TestTokenOverPayload(t *testing.T) {
	honest := believing("stampers", stampers, honestTSA().Chain(), "")
	early := started.AddDate(0, 0, -5)
	payloads := func(w *world) {
		w.stampAll(honestTSA())
		for _, e := range w.log {
			e.Timestamp = w.token(honestTSA(), e.Bundle.Payload, early)
		}
	}
	keepQuorum := func(s string) string {
		return strings.Replace(noQuorum(1, honest)(s), "quorum none\n", "quorum w1\n", 1)
	}
	v := newWorld(t, hooks{policy: keepQuorum, pack: payloads}).verify()
	for kind, want := range map[string]bool{"testset": true, "model": true, "registration": false, "result": false, "release": false} {
		e := event(t, v, kind)
		if got := e.NotAfter.Equal(early); got != want || len(e.Tokens) != 1 || (e.Tokens[0].Idle == "") != want {
			t.Errorf("%s is dated %s, with %+v; want by its token: %v", kind, e.NotAfter, e.Tokens, want)
		}
	}
	old := func(s string) string { return endOfKey(owner, early.Add(time.Hour))(keepQuorum(s)) }
	v = newWorld(t, hooks{policy: old, pack: payloads}).verify()
	if got := checkOf(t, v, "identity/signed"); got.State != Missing {
		t.Errorf("identity/signed is %s under a key that was trusted until before the ledger's date, want missing", got.State)
	}
}

// Who cannot check tokens says so, and counts none.
func TestTokensNotChecked(t *testing.T) {
	honest := believing("stampers", stampers, honestTSA().Chain(), "")
	w := newWorld(t, hooks{policy: noQuorum(1, honest), pack: func(w *world) { w.stampAll(honestTSA()) }})
	v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt})
	w.must(err)
	checkWords(t, v)
	if got := checkOf(t, v, "order/logged"); got.State != Missing || !strings.Contains(got.Detail, "cannot check tokens") {
		t.Errorf("order/logged is %s, %s", got.State, got.Detail)
	}
	for kind, policy := range map[string]func(string) string{
		"cannot check tokens": func(s string) string {
			return strings.Replace(noQuorum(1, honest)(s), "quorum none\n", "quorum w1\n", 1)
		},
		"the policy believes no timestamp authority": func(s string) string { return s },
	} {
		w := newWorld(t, hooks{policy: policy, pack: func(w *world) { w.stampAll(honestTSA()) }})
		v, err := Pack(t.Context(), w.pack, w.policy(), Options{At: judgedAt})
		w.must(err)
		if e := event(t, v, "result"); v.Headline != Supported || len(e.Tokens) != 1 || !strings.Contains(e.Tokens[0].Idle, kind) {
			t.Errorf("%s with tokens %+v, want %s and %q", v.Headline, e.Tokens, Supported, kind)
		}
	}
}

func TestPolicyTSAs(t *testing.T) {
	chain := honestTSA().Chain()
	for _, c := range []struct {
		name, want string
		policy     func(string) string
	}{
		{"no threshold", "tsa_threshold is 0", believing("a", stampers, chain, "")},
		{"more than there are operators", "tsa_threshold is 2, want from 1 to the 1", noQuorum(2, believing("a", stampers, chain, ""), believing("b", stampers, chain, ""))},
		{"one operator under two names", "tsa_threshold is 2, want from 1 to the 1", noQuorum(2, believing("a", lab, chain, ""), believing("b", "https://lab.example/tsa", chain, ""), func(s string) string {
			return strings.Replace(s, fmt.Sprintf("uri = %q", lab), fmt.Sprintf("aliases = [\"https://lab.example/tsa\"]\nuri = %q", lab), 1)
		})},
		{"many", "at most 16", noQuorum(1, func(s string) string {
			for i := range maxTSAs + 1 {
				s = believing(fmt.Sprint("a", i), stampers, chain, "")(s)
			}
			return s
		})},
		{"a threshold of nobody", "there is no tsa", noQuorum(1)},
		{"no name", "no name", noQuorum(1, believing("", stampers, chain, ""))},
		{"no operator", "no operator", noQuorum(1, believing("a", "", chain, ""))},
		{"no certificate", "no certificate", noQuorum(1, believing("a", stampers, nil, ""))},
		{"twice", "listed twice", noQuorum(1, believing("a", stampers, chain, ""), believing("a", otherStampers, chain, ""))},
		{"misspelt", "unknown member", noQuorum(1, believing("a", stampers, chain, "til = 2026-01-01T00:00:00Z\n"))},
	} {
		w := newWorld(t, hooks{policy: c.policy})
		if p, err := ParsePolicy([]byte(w.policyText())); err == nil || p != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: ParsePolicy = %v, %v, want an error with %q", c.name, p, err, c.want)
		}
	}
}
