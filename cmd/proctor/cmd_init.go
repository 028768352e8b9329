package main

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/mod/sumdb/note"

	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/ledger/witness"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/challenge"
)

func (e *env) cmdInit() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make an issuer key, a ledger, a witness and a policy in ./.proctor",
		Description: "Makes a home: an encrypted issuer key, an embedded ledger, a local witness and a\n" +
			"policy that trusts exactly these. PROCTOR_HOME names another place than ./.proctor.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "issuer", Usage: "your `URI`, as it will stand in every statement"},
			&cli.StringFlag{Name: "key-type", Usage: "`ALGORITHM` of the issuer key: ecdsa-p256 or ed25519", Value: signing.ECDSA},
			&cli.StringFlag{Name: "origin", Usage: "`NAME` of the ledger, without scheme (default: from the issuer)"},
			&cli.StringSliceFlag{Name: "witness", Usage: "a witness that cosigns instead of a local one: its `DIR`, or the file that \"ledger witness show --url\" prints; repeatable"},
			&cli.StringFlag{Name: "ledger", Usage: "log in the ledger that somebody serves at `URL`, instead of one of your own"},
			&cli.StringFlag{Name: "ledger-key", Usage: "with --ledger: the `FILE` with its vkey, as its operator publishes it"},
			&cli.StringFlag{Name: "ledger-operator", Usage: "with --ledger: the `URI` of who runs it"},
			passwordFlag(),
		}, engineFlags()...),
		Action: e.runInit,
	}
}

func (e *env) runInit(c *cli.Context) (err error) {
	if err := noArgs(c); err != nil {
		return err
	}
	if err := need(c, "issuer"); err != nil {
		return err
	}
	issuer := c.String("issuer")
	if u, err := url.Parse(issuer); err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" {
		return usagef("issuer %q is not a URI such as https://lab.example", issuer)
	}
	if url := c.String("ledger"); url != "" && (!isURL(url) || need(c, "ledger-key", "ledger-operator") != nil) {
		return usagef("--ledger wants a URL, and --ledger-key and --ledger-operator beside it")
	}
	final := homeDir()
	if err := noHome(final); err != nil {
		return err
	}
	engine, err := engineOf(c, final)
	if err != nil {
		return err
	}
	password, err := e.newPassword(c)
	if err != nil {
		return err
	}
	// Built beside its place and moved there whole: half a home would be worse than none.
	dir, err := os.MkdirTemp(filepath.Dir(final), ".proctor-new-")
	if err != nil {
		return err
	}
	defer func() { os.RemoveAll(dir) }()
	h := &home{dir: dir, now: e.now, config: config{Issuer: issuer, Ledger: "ledger", Trillian: engine}}
	if err := h.create(e, c, password, final); err != nil {
		return err
	}
	if err := os.Rename(dir, final); err != nil {
		return err
	}
	h.dir = final
	return e.printInit(h, h.ownURL() == "" && len(c.StringSlice("witness")) == 0)
}

func (h *home) create(e *env, c *cli.Context, password []byte, final string) error {
	for _, sub := range []string{"keys", "anchor", "ledger", pendingDir, packsDir, beaconsDir} {
		if err := os.MkdirAll(h.path(sub), 0o755); err != nil {
			return err
		}
	}
	for _, sub := range []string{setSecretsDir, runSecretsDir, sealSecretsDir} {
		if err := os.MkdirAll(h.path(sub), 0o700); err != nil {
			return err
		}
	}
	public, err := h.createIssuerKey(c.String("key-type"), password)
	if err != nil {
		return err
	}
	origin := c.String("origin")
	if origin == "" {
		origin = originFor(h.config.Issuer)
	}
	operator := h.config.Issuer
	if url := c.String("ledger"); url != "" {
		h.config.Ledger, operator = url, c.String("ledger-operator")
		origin, err = h.takeLedgerKey(c.String("ledger-key"))
	} else {
		err = h.createLedgerKey(origin)
	}
	if err != nil {
		return err
	}
	witnesses, err := h.createWitnesses(origin, c.StringSlice("witness"), final)
	if err != nil {
		return err
	}
	if err := h.createPolicy(public, origin, operator, witnesses); err != nil {
		return err
	}
	if c.Bool("create") {
		if err := h.createTree(e.ctx); err != nil {
			return err
		}
	}
	if err := h.writeConfig(); err != nil {
		return err
	}
	if h.ownURL() != "" {
		return nil
	}
	return h.createOwn(e.ctx)
}

func (h *home) createIssuerKey(algorithm string, password []byte) (public []byte, err error) {
	private, public, err := signing.Generate(algorithm, password)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(h.path(issuerKeyFile), private, 0o600); err != nil {
		return nil, err
	}
	return public, durable.WriteFile(h.path(issuerPubFile), public, 0o644)
}

func (h *home) createLedgerKey(origin string) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return fmt.Errorf("ledger %q: %w", origin, err)
	}
	if err := durable.WriteFile(h.path(ledgerKeyFile), []byte(skey+"\n"), 0o600); err != nil {
		return err
	}
	return durable.WriteFile(h.path(ledgerPubFile), []byte(vkey+"\n"), 0o644)
}

// takeLedgerKey takes over the verifier key of a ledger that somebody serves, and
// returns its origin.
func (h *home) takeLedgerKey(file string) (origin string, err error) {
	data, err := readLimited(file, 1<<12)
	if err != nil {
		return "", err
	}
	key, err := ledger.ParseLogKey(strings.TrimSpace(string(data)))
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return key.Origin, durable.WriteFile(h.path(ledgerPubFile), []byte(key.VKey+"\n"), 0o644)
}

// ownURL is where the ledger of the configuration is served, "" if the home keeps it.
func (h *home) ownURL() string {
	if isURL(h.config.Ledger) {
		return h.config.Ledger
	}
	return ""
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9./_-]+`)

// originFor names a ledger after its issuer: a C2SP origin is a URL without scheme.
func originFor(issuer string) string {
	_, rest, found := strings.Cut(issuer, "://")
	if !found {
		rest = issuer
	}
	return strings.Trim(notInNames.ReplaceAllString(rest, "-"), "/") + "/ledger"
}

// createWitnesses makes a local witness, or finds those that somebody else runs.
func (h *home) createWitnesses(origin string, args []string, final string) ([]namedWitness, error) {
	vkey, err := h.ledgerVKey()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 && h.ownURL() != "" {
		return nil, nil // its operator has it cosigned
	}
	if len(args) == 0 {
		name := strings.TrimSuffix(origin, "/ledger") + "/witness"
		if err := witness.Create(h.path(witnessDir), name, h.config.Issuer); err != nil {
			return nil, err
		}
		h.config.Witnesses = []string{witnessDir}
		w, err := witness.Open(h.path(witnessDir))
		if err != nil {
			return nil, err
		}
		return []namedWitness{{name: witnessName(name), vkey: w.VKey(), operator: w.Operator()}}, w.AddLog(vkey)
	}
	var list []namedWitness
	for _, arg := range args {
		found, err := readWitness(arg, final, vkey)
		if err != nil {
			return nil, err
		}
		for _, w := range found {
			if !slices.Contains(h.config.Witnesses, w.entry) {
				h.config.Witnesses = append(h.config.Witnesses, w.entry)
			}
		}
		list = append(list, found...)
	}
	return list, nil
}

// createPolicy writes a policy that trusts exactly this home.
func (h *home) createPolicy(public []byte, origin, operator string, witnesses []namedWitness) error {
	vkey, err := h.ledgerVKey()
	if err != nil {
		return err
	}
	file := verify.PolicyFile{
		Version:   1,
		Require:   verify.RequireFile{Level: verify.CAL1.String()},
		Time:      defaultTimes,
		Operators: map[string]string{origin: operator},
		Issuers: []verify.IssuerFile{{
			URI:   h.config.Issuer,
			Roles: []string{verify.RoleOwner, verify.RoleLab, verify.RoleEvaluator, verify.RoleAuditor, verify.RoleMonitor},
			Keys:  []verify.KeyFile{{PEM: string(public)}},
		}},
		Beacons: []verify.BeaconFile{beaconFile(challenge.Quicknet())},
	}
	lp := &logPolicy{}
	lp.addLog(vkey, h.ownURL())
	var names []string
	for _, w := range witnesses {
		names = append(names, w.name)
		lp.addWitness(w.name, w.vkey, w.url)
		file.Operators[w.name] = w.operator
	}
	lp.require(names)
	file.Ledger.Policy = lp.text()
	text, err := file.Format()
	if err != nil {
		return err
	}
	if _, err := verify.ParsePolicy(text); err != nil {
		return err
	}
	return durable.WriteFile(h.path(policyFile), text, 0o644)
}

func beaconFile(b challenge.Beacon) verify.BeaconFile {
	return verify.BeaconFile{Name: b.Name, Scheme: b.Scheme, Chain: b.Chain.String(), Key: b.Key, Period: b.Period, Genesis: b.Genesis, URLs: b.URLs}
}

func (e *env) printInit(h *home, selfWitnessed bool) error {
	fmt.Fprintf(e.stdout, `home      %s
issuer    %s
key       %s (encrypted)
ledger    %s
policy    %s
`, h.dir, h.config.Issuer, h.path(issuerKeyFile), h.ledgerName(), h.path(policyFile))
	if t := h.config.Trillian; t != nil {
		fmt.Fprintf(e.stdout, "trillian  %s, tree %d\n", t.Server, t.Tree)
	}
	if h.ownURL() != "" {
		fmt.Fprintf(e.stderr, "\nThe ledger and its cosignatures are its operator's. Put the witnesses that your readers\ntrust into the policy, %s: so far its quorum asks for %s.\n", h.path(policyFile), quorumOf(h))
		return nil
	}
	unencrypted := "The ledger's key, " + h.path(ledgerKeyFile) + ", is"
	if selfWitnessed {
		unencrypted = "The keys of ledger and witness, in " + h.path("keys") + " and " + h.path(witnessDir) + ", are"
	}
	fmt.Fprintf(e.stderr, `
%s unencrypted,
readable by you alone: it must sign without anybody at the keyboard. Losing secrets/
loses the means to open what you commit to, never the means to verify it; nobody can
make it again. "proctor backup FILE" writes the whole home to one encrypted file: do so
when you have committed to something, and keep the file elsewhere.
`, unencrypted)
	if selfWitnessed {
		fmt.Fprint(e.stderr, `
You witness yourself. That convinces nobody else of when something was logged, and
verdicts that rest on it stop at CAL-1. To go further, let somebody independent run
a witness for your ledger and name it with "proctor init --witness", or ask the
reader of your claims to run one.
`)
	}
	return nil
}
