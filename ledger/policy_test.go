package ledger_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/ledger"
)

// logAndWitnesses are the four lines that most policies here begin with.
var logAndWitnesses = fmt.Sprintf("log %s https://ledger.example/\nwitness W1 %s\nwitness W2 %s https://w2.example/\nwitness W3 %s\n",
	logParty.vkey(), w1.vkey(), vkey(w2.name, typeCosignature, w2.pub()), w3.vkey())

func TestParsePolicy(t *testing.T) {
	for _, tc := range []struct{ name, text, quorum string }{
		{"none", logAndWitnesses + "quorum none\n", "no witness"},
		{"witness", logAndWitnesses + "quorum W2\n", "W2"},
		{"any", logAndWitnesses + "group g any W1 W2\nquorum g\n", "any of (W1, W2)"},
		{"all", logAndWitnesses + "group g all W1 W2\nquorum g\n", "all of (W1, W2)"},
		{"one of one", logAndWitnesses + "group g 1 W1\nquorum g\n", "all of (W1)"},
		{"two of three", logAndWitnesses + "group g 2 W1 W2 W3\nquorum g\n", "2 of (W1, W2, W3)"},
		{"nested", logAndWitnesses + "group a any W1 W2\ngroup g all a W3\nquorum g\n", "all of (any of (W1, W2), W3)"},
		{"quorum before the rest", "log " + logParty.vkey() + "\nwitness W1 " + w1.vkey() + "\nquorum W1\nwitness W2 " + w2.vkey() + "\n", "W1"},
		{"comments, tabs and blanks", "# é\n\n \t# x\n" + strings.ReplaceAll(logAndWitnesses, " ", " \t") + "\tquorum\tW1 \n", "W1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := ledger.ParsePolicy([]byte(tc.text))
			if err != nil {
				t.Fatalf("ParsePolicy(%q) = %v", tc.text, err)
			}
			if got := p.Quorum(); got != tc.quorum {
				t.Errorf("Quorum() = %q, want %q", got, tc.quorum)
			}
		})
	}
}

func TestPolicyKeys(t *testing.T) {
	p := parsePolicy(t, logAndWitnesses+"quorum W1\n")
	logs, witnesses := p.Logs(), p.Witnesses()
	if len(logs) != 1 || logs[0].Origin != logParty.name || logs[0].VKey != logParty.vkey() || logs[0].URL != "https://ledger.example/" {
		t.Errorf("Logs() = %+v, want the policy's log", logs)
	}
	if len(witnesses) != 3 || witnesses[0].Name != "W1" || witnesses[0].VKey != w1.vkey() || witnesses[0].URL != "" || witnesses[1].URL != "https://w2.example/" {
		t.Errorf("Witnesses() = %+v, want the policy's three", witnesses)
	}
	logs[0], witnesses[0] = ledger.LogKey{}, ledger.WitnessKey{}
	if p.Logs()[0].Origin == "" || p.Witnesses()[0].Name == "" {
		t.Error("changing what Logs and Witnesses returned changed the policy")
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	other := newParty("other.example")
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "no quorum line"},
		{"no quorum", logAndWitnesses, "no quorum line"},
		{"no log", "witness W1 " + w1.vkey() + "\nquorum W1\n", "no log line"},
		{"no log, quorum none", "quorum none\n", "no log line"},
		{"second quorum", logAndWitnesses + "quorum W1\nquorum none\n", "line 6: a second quorum line"},
		{"quorum repeated", logAndWitnesses + "quorum W1\nquorum W1\n", "line 6: a second quorum line"},
		{"second quorum after none", logAndWitnesses + "quorum none\nquorum W1\n", "line 6: a second quorum line"},
		{"quorum undefined", logAndWitnesses + "quorum W4\n", `line 5: "W4" is not defined above`},
		{"quorum defined below", "log " + logParty.vkey() + "\nquorum W1\nwitness W1 " + w1.vkey() + "\n", `line 2: "W1" is not defined above`},
		{"quorum of a log", logAndWitnesses + "quorum " + logParty.name + "\n", "line 5: "},
		{"quorum without name", logAndWitnesses + "quorum\n", "line 5: want: quorum"},
		{"quorum with junk", logAndWitnesses + "quorum W1 W2\n", "line 5: want: quorum"},
		{"quorum with a comment", logAndWitnesses + "quorum W1 # all\n", "line 5: want: quorum"},
		{"quorum in capitals", logAndWitnesses + "quorum NONE\n", `line 5: "NONE" is not defined above`},
		{"member twice", logAndWitnesses + "group g 2 W1 W1\nquorum g\n", `line 5: "W1" is in a group already`},
		{"member of two groups", logAndWitnesses + "group a any W1 W2\ngroup b any W2 W3\ngroup g all a b\nquorum g\n", `line 6: "W2" is in a group already`},
		{"group and its member", logAndWitnesses + "group a any W1 W2\ngroup g all a W1\nquorum g\n", `line 6: "W1" is in a group already`},
		{"member of itself", logAndWitnesses + "group g any g\nquorum g\n", `line 5: "g" is not defined above`},
		{"member undefined", logAndWitnesses + "group g any W1 W4\nquorum g\n", `line 5: "W4" is not defined above`},
		{"member none", logAndWitnesses + "group g any none\nquorum g\n", `line 5: "none" is not defined above`},
		{"threshold zero", logAndWitnesses + "group g 0 W1\nquorum g\n", "line 5: 0 of 1 members"},
		{"threshold negative", logAndWitnesses + "group g -1 W1\nquorum g\n", "line 5: -1 of 1 members"},
		{"threshold above members", logAndWitnesses + "group g 3 W1 W2\nquorum g\n", "line 5: 3 of 2 members"},
		{"threshold with zero", logAndWitnesses + "group g 02 W1 W2\nquorum g\n", `line 5: "02", want any, all or a number`},
		{"threshold with sign", logAndWitnesses + "group g +1 W1 W2\nquorum g\n", `line 5: "+1", want any, all or a number`},
		{"threshold a word", logAndWitnesses + "group g most W1 W2\nquorum g\n", `line 5: "most", want any, all or a number`},
		{"threshold too long", logAndWitnesses + "group g 99999999999999999999 W1\nquorum g\n", "line 5: "},
		{"group without members", logAndWitnesses + "group g all\nquorum g\n", "line 5: want: group"},
		{"group without threshold", logAndWitnesses + "group g W1\nquorum g\n", "line 5: want: group"},
		{"group none", logAndWitnesses + "group none any W1 W2\nquorum none\n", `line 5: the name "none" is taken`},
		{"witness none", "log " + logParty.vkey() + "\nwitness none " + w1.vkey() + "\nquorum none\n", `line 2: the name "none" is taken`},
		{"group named as a witness", logAndWitnesses + "group W1 any W2\nquorum W1\n", `line 5: "W1" is defined twice`},
		{"group twice", logAndWitnesses + "group g any W1\ngroup g any W2\nquorum g\n", `line 6: "g" is defined twice`},
		{"witness name twice", logAndWitnesses + "witness W1 " + other.vkey() + "\nquorum W1\n", `line 5: "W1" is defined twice`},
		{"witness key twice", logAndWitnesses + "witness W4 " + w1.vkey() + "\nquorum W1\n", "line 5: witness w1.example+"},
		{"witness key as 0x04", logAndWitnesses + "witness W4 " + vkey(w1.name, typeCosignature, w1.pub()) + "\nquorum W1\n", "has the public key of an earlier witness"},
		{"witness key by another name", logAndWitnesses + "witness W4 " + vkey("w4.example", typeNote, w1.pub()) + "\nquorum W1\n", "has the public key of an earlier witness"},
		{"log key as witness", logAndWitnesses + "witness W4 " + logParty.vkey() + "\nquorum W4\n", "has the public key of an earlier log"},
		{"witness key as log", logAndWitnesses + "log " + w1.vkey() + "\nquorum W1\n", "has the public key of an earlier witness"},
		{"log twice", logAndWitnesses + "log " + logParty.vkey() + "\nquorum W1\n", "has the public key of an earlier log"},
		{"log without key", "log\nquorum none\n", "line 1: want: log"},
		{"log with junk", "log " + logParty.vkey() + " https://ledger.example/ junk\nquorum none\n", "line 1: want: log"},
		{"log of type 0x04", "log " + vkey("l.example", typeCosignature, w1.pub()) + "\nquorum none\n", "line 1: a log key has type 0x01 or 0x06"},
		{"witness without key", logAndWitnesses + "witness W4\nquorum W1\n", "line 5: want: witness"},
		{"witness with junk", logAndWitnesses + "witness W4 " + other.vkey() + " https://w.example/ junk\nquorum W1\n", "line 5: want: witness"},
		{"witness of type 0x02", logAndWitnesses + "witness W4 " + vkey("w.example", 2, other.pub()) + "\nquorum W1\n", "line 5: a witness key has type 0x01, 0x04 or 0x06"},
		{"unknown keyword", logAndWitnesses + "tree 7\nquorum W1\n", `line 5: "tree", want log, witness, group or quorum`},
		{"keyword in capitals", logAndWitnesses + "Quorum W1\n", `line 5: "Quorum", want`},
		{"no newline at the end", logAndWitnesses + "quorum W1", "line 5: not ended by a newline"},
		{"CRLF", logAndWitnesses + "quorum W1\r\n", "line 5: control character 0x0d"},
		{"NUL in a comment", "# \x00\n" + logAndWitnesses + "quorum W1\n", "line 1: control character 0x00"},
		{"DEL", logAndWitnesses + "quorum W1\x7f\n", "line 5: control character 0x7f"},
		{"vertical tab", logAndWitnesses + "quorum\vW1\n", "line 5: control character 0x0b"},
		{"no-break space", logAndWitnesses + "quorum\u00a0W1\n", "line 5: "},
		{"oversized", "#" + strings.Repeat("x", 64<<10) + "\n" + logAndWitnesses + "quorum W1\n", "want at most 65536"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ledger.ParsePolicy([]byte(tc.text))
			wantError(t, fmt.Sprintf("ParsePolicy(%.300q)", tc.text), err, tc.want)
		})
	}
}

// Two keys with one name and one key ID would select the same signature lines. A
// search over 63252 keys found a pair.
func TestParsePolicyKeyIDCollision(t *testing.T) {
	a, b := party{w1.name, newParty("4950").key}, party{w1.name, newParty("63252").key}
	ids := [2]uint32{keyID(a.name, typeCosignature, a.pub()), keyID(b.name, typeCosignature, b.pub())}
	if ids[0] != ids[1] {
		t.Fatalf("key IDs are %08x, want one", ids)
	}
	text := "log " + logParty.vkey() + "\nwitness A " + a.vkey() + "\nwitness B " + b.vkey() + "\nquorum A\n"
	_, err := ledger.ParsePolicy([]byte(text))
	wantError(t, fmt.Sprintf("ParsePolicy(%q)", text), err, "line 3: witness w1.example+a21c4463 has the name and key ID of another key")
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(logAndWitnesses + "group g 2 W1 W2 W3\nquorum g\n"))
	f.Add([]byte(logAndWitnesses + "group a any W1 W2\ngroup g all a W3\nquorum g\n"))
	f.Add([]byte("# nothing\nlog " + logParty.vkey() + "\nquorum none\n"))
	f.Add([]byte("group g 2 W1 W1\nquorum g\nquorum none\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ledger.ParsePolicy(text)
		if err != nil {
			return
		}
		if len(p.Logs()) == 0 {
			t.Errorf("ParsePolicy(%q) has no log", text)
		}
		if strings.Count(p.Quorum(), "(") != strings.Count(p.Quorum(), ")") {
			t.Errorf("Quorum() of %q = %q", text, p.Quorum())
		}
		if _, err := ledger.ParsePolicy(append(bytes.Clone(text), "quorum none\n"...)); err == nil {
			t.Errorf("ParsePolicy(%q and a second quorum) = nil, want an error", text)
		}
		for _, w := range p.Witnesses() {
			if _, err := ledger.ParseWitnessKey(w.VKey); err != nil {
				t.Errorf("ParseWitnessKey(%q) = %v after ParsePolicy took it", w.VKey, err)
			}
		}
	})
}

func parsePolicy(t testing.TB, text string) *ledger.Policy {
	t.Helper()
	p, err := ledger.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatalf("ParsePolicy(%q) = %v", text, err)
	}
	return p
}
