package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/verify/challenge/localbeacon"
)

// demo plays every party in a folder of its own. They are simulated: one process
// knows all their secrets, and the beacon is its own.
type demo struct {
	*env
	dir    string // absolute
	beacon string // URL of the local beacon's chain
}

const demoPassword = "demo"

func (e *env) runDemo(keep string) (err error) {
	d := &demo{env: e}
	start, err := os.Getwd()
	if err != nil {
		return err
	}
	if d.dir, err = demoDir(keep); err != nil {
		return err
	}
	if keep == "" {
		defer os.RemoveAll(d.dir)
	}
	defer func() { err = errors.Join(err, os.Chdir(start)) }()
	restore := setEnv(map[string]string{passwordVariable: demoPassword, "PROCTOR_HOME": ""})
	defer restore()
	stop, err := d.serveBeacon()
	if err != nil {
		return err
	}
	defer stop()
	d.say("Owner, lab, evaluator and witness are simulated in four homes below\n%s; each would run its commands on a machine of its own.", d.dir)
	for _, step := range []func() error{d.setUp, d.mainJob, d.freshHeads, d.verdict, d.tamper} {
		if err := step(); err != nil {
			return err
		}
	}
	d.say("\nAll six were caught. Your turn: \"proctor init --issuer https://you.example\" makes a\nhome, \"proctor help levels\" says what a verdict means.")
	if keep != "" {
		d.say("Everything is left in %s.", d.dir)
	} else {
		d.say("\"proctor demo --keep DIR\" leaves everything for you to look at.")
	}
	return nil
}

func demoDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "proctor-demo-")
	}
	if err := os.Mkdir(keep, 0o755); err != nil {
		return "", err
	}
	return filepath.Abs(keep)
}

func setEnv(values map[string]string) (restore func()) {
	before := map[string]string{}
	for name, value := range values {
		before[name] = os.Getenv(name)
		os.Setenv(name, value)
	}
	return func() {
		for name, value := range before {
			os.Setenv(name, value)
		}
	}
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.stdout, format+"\n", args...) }

// step runs one ordinary command in a party's folder and shows it.
func (d *demo) step(party, command string) error {
	_, err := d.show(party, command, exitOK, d.stdout)
	return err
}

// show returns what the command said on stderr.
func (d *demo) show(party, command string, want int, answer io.Writer) (string, error) {
	if err := os.Chdir(filepath.Join(d.dir, party)); err != nil {
		return "", err
	}
	words := splitWords(command)
	d.say("\n%s$ %s", party, command)
	var trouble bytes.Buffer
	e := &env{ctx: d.ctx, stdin: bytes.NewReader(nil), stdout: answer, stderr: &trouble, now: d.now}
	if code := e.run(words); code != want {
		return "", fmt.Errorf("demo: %s: exit code %d, want %d\n%s", command, code, want, trouble.String())
	}
	return trouble.String(), nil
}

// splitWords splits a command line as the demo writes it: words, or text in
// double quotes.
func splitWords(command string) []string {
	var words []string
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

func (d *demo) serveBeacon() (stop func(), err error) {
	seed := make([]byte, 32)
	if _, err := rand.Read(seed); err != nil {
		return nil, err
	}
	b, err := localbeacon.New(seed, "demo", 3, d.now().Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: b.Handler(d.now), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l)
	d.beacon = fmt.Sprintf("http://%s/%s", l.Addr(), b.Public().Chain)
	return func() { server.Close() }, nil
}

func (d *demo) setUp() error {
	for _, party := range []string{"owner", "lab", "evaluator", "witness", "reader"} {
		if err := os.Mkdir(filepath.Join(d.dir, party), 0o755); err != nil {
			return err
		}
	}
	if err := d.writeSamples(); err != nil {
		return err
	}
	d.say("\n1. Each party makes a home. The witness agrees to watch the three ledgers.")
	if err := d.step("witness", "proctor init --issuer https://witness.example"); err != nil {
		return err
	}
	for _, party := range []string{"owner", "lab", "evaluator"} {
		if err := d.step(party, "proctor init --issuer https://"+party+".example --witness ../witness/.proctor/witness"); err != nil {
			return err
		}
	}
	for _, party := range []string{"owner", "lab", "evaluator"} {
		if err := d.step("witness", "proctor ledger witness add ../"+party+"/.proctor/keys/ledger.pub"); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) mainJob() error {
	d.say("\n2. Before anything runs, the owner commits to the items and the lab to the weights.\n   The lab keeps its model sealed.")
	steps := [][2]string{
		{"owner", "proctor commit testset items.jsonl --name arithmetic --key id --yes"},
		{"owner", "proctor open arithmetic --all --private"},
		{"lab", "proctor commit model model --name tiny --sealed --yes"},
		{"", "\n3. The evaluator announces the run, makes it, and seals its outcome."},
		{"evaluator", "proctor register --model ../lab/tiny.model.proctor --testset ../owner/arithmetic.testset.proctor --config config.json --metric accuracy --deadline 14d --yes"},
		{"evaluator", "proctor result answers.jsonl --registration tiny.arithmetic.registration.proctor --items ../owner/arithmetic.opening.jsonl --row key=id,response=output,grade=correct"},
		{"", "\n4. The lab releases the model: the seal is opened, the score published."},
		{"lab", "proctor release --model tiny --published https://hub.example/lab/tiny --scores scores.csv"},
	}
	for _, s := range steps {
		if s[0] == "" {
			d.say("%s", s[1])
			continue
		}
		if err := d.step(s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) freshHeads() error {
	d.say("\n5. Everybody adds a fresh head: nothing was withdrawn until now. The beacon round in it\n   could not be known before (here it comes from the demo's own beacon).")
	for _, party := range []string{"owner", "lab", "evaluator"} {
		for _, command := range []string{
			"proctor fetch " + d.beacon + "/info --out beacon.json",
			"proctor policy add beacon.json",
			"proctor fetch " + d.beacon + "/public/latest",
			"proctor head --into ../lab/tiny.release.proctor",
		} {
			if err := d.step(party, command); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *demo) verdict() error {
	d.say("\n6. A reader decides whom to trust, and verifies offline.")
	for _, command := range []string{
		"proctor policy add ../owner/.proctor/policy.toml --policy policy.toml --role owner",
		"proctor policy add ../lab/.proctor/policy.toml --policy policy.toml --role lab --independent",
		"proctor policy add ../evaluator/.proctor/policy.toml --policy policy.toml --role evaluator --independent",
		"proctor policy add ../witness/.proctor/policy.toml --policy policy.toml --witness-only --independent",
		"proctor policy add ../lab/beacon.json --policy policy.toml",
		"proctor verify ../lab/tiny.release.proctor --policy policy.toml --model ../lab/model",
	} {
		if err := d.step("reader", command); err != nil {
			return err
		}
	}
	return nil
}
