package foreign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// prmlManifest finds the version of a manifest, as YAML and as JSON.
var prmlManifest = regexp.MustCompile(`(?m:^["']?version["']?[ \t]*:[ \t]*["']?prml/)|\A\s*\{(?s:.*)"version"\s*:\s*"prml/`)

const (
	prml1 = "prml/0.1"
	prml2 = "prml/0.2"
)

var (
	prmlMembers1 = []string{"version", "claim_id", "created_at", "metric", "comparator", "threshold", "dataset", "seed", "producer", "model", "compute_envelope", "prior_hash", "notes", "metric_args"}
	prmlMembers2 = append(slices.Clone(prmlMembers1), "prml_mode", "value_method", "sample_size", "pre_registered_from", "pre_registered_to", "runner_attestation", "revoked_at", "revocation_reason")

	uuid7 = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)
)

// readPRML reads a manifest of PRML 0.1 or 0.2, as YAML or as JSON, and returns nil for
// what only looks like one.
func readPRML(data []byte) *Reading {
	r := &Reading{Kind: "a PRML manifest"}
	parse := parseYAML
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		parse = parseJSON
	}
	tree, err := parse(data)
	if err != nil {
		r.Broken = err
		return r
	}
	if o, ok := tree.(map[string]any); ok {
		if v, ok := o["version"].(string); ok && !strings.HasPrefix(v, "prml/") || o["version"] == nil {
			return nil // it holds a manifest at some place, as a schema's examples do
		}
	}
	var c checker
	o := c.object("", tree)
	c.portable("", tree)
	c.manifest(o)
	if r.Broken = c.err; r.Broken != nil {
		return r
	}
	r.Kind = "a PRML manifest (" + o["version"].(string) + ")"
	r.sayPRML(o)
	r.hashPRML(o)
	r.lackPRML(o)
	return r
}

// portable refuses characters and spellings in texts and names that are written in
// other bytes by other writers.
func (c *checker) portable(path string, v any) {
	switch v := v.(type) {
	case string:
		c.portableText(path, v)
	case []any:
		for i, e := range v {
			c.portable(path+"["+strconv.Itoa(i)+"]", e)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			c.portableText("the name "+strconv.QuoteToASCII(under(path, clip(name))), name)
			c.portable(under(path, name), v[name])
		}
	}
}

func (c *checker) portableText(path, s string) {
	if strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r <= 0x9f || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}) {
		c.fail("%s has a control / non-portable character", path)
	}
	if !norm.NFC.IsNormalString(s) {
		c.fail("%s is not in Unicode NFC", path)
	}
}

// manifest checks what the published schemas and the published vectors ask for.
func (c *checker) manifest(o map[string]any) {
	for _, name := range []string{"version", "claim_id", "metric", "comparator", "threshold", "dataset", "seed", "producer"} {
		if _, ok := o[name]; !ok {
			c.fail("missing required field: %s", name)
		}
	}
	version := c.text("", o, "version")
	if version != prml1 && version != prml2 {
		c.fail("version must be %q or %q, got %q", prml1, prml2, clip(version))
	}
	if id := c.text("", o, "claim_id"); !uuid7.MatchString(id) {
		c.fail("claim_id must be a UUIDv7, got %q", clip(id))
	}
	if utf8.RuneCountInString(c.text("", o, "metric")) > 256 {
		c.fail("metric has more than 256 characters")
	}
	c.oneOf("comparator", c.text("", o, "comparator"), ">=", "<=", ">", "<", "==")
	if n, ok := o["threshold"].(json.Number); !ok || yamlWeird.MatchString(string(n)) || !isFinite(n) {
		c.fail("threshold must be a finite number")
	}
	c.seed(o["seed"])
	c.parties(o, version)
	if version == prml1 {
		c.only("", o, prmlMembers1...)
		c.moment("created_at", c.text("", o, "created_at"))
	} else {
		c.only("", o, prmlMembers2...)
		c.manifest2(o)
	}
	if _, ok := o["prior_hash"]; ok && hexDigits(strings.ToLower(c.text("", o, "prior_hash")), sha256.Size) != nil {
		c.fail("prior_hash must be 64 hexadecimal digits")
	}
	if notes, ok := o["notes"]; ok {
		if s, isText := notes.(string); !isText || utf8.RuneCountInString(s) > 4096 {
			c.fail("notes must be a text of at most 4096 characters")
		}
	}
}

func isFinite(n json.Number) bool {
	_, err := n.Float64()
	return err == nil
}

func (c *checker) seed(v any) {
	if v == nil {
		return
	}
	n, ok := v.(json.Number)
	if !ok || !isInteger(n) {
		c.fail("seed must be an integer or null")
		return
	}
	low, high := big.NewInt(-1<<63), new(big.Int).SetUint64(1<<64-1)
	if i, ok := new(big.Int).SetString(string(n), 10); !ok || i.Cmp(low) < 0 || i.Cmp(high) > 0 {
		c.fail("seed must be within 64 bits")
	}
}

// parties checks who and what a manifest names.
func (c *checker) parties(o map[string]any, version string) {
	set := c.object("dataset", o["dataset"])
	c.only("dataset", set, "id", "hash", "uri")
	c.text("dataset", set, "id")
	c.optional("dataset", set, "uri")
	digest := c.text("dataset", set, "hash")
	unhashed := version == prml2 && (digest == "n/a-streaming" || digest == "n/a-deterministic-env")
	if !unhashed && hexDigits(digest, sha256.Size) != nil {
		c.fail("dataset.hash must be 64 lowercase hex chars, got %q", clip(digest))
	}
	producer := c.object("producer", o["producer"])
	c.only("producer", producer, "id", "signature")
	c.text("producer", producer, "id")
	c.optional("producer", producer, "signature")
	if v, ok := o["model"]; ok {
		model := c.object("model", v)
		c.only("model", model, "id", "hash", "uri")
		for _, name := range []string{"id", "hash", "uri"} {
			c.optional("model", model, name)
		}
	}
	for _, name := range []string{"compute_envelope", "metric_args"} {
		if v, ok := o[name]; ok {
			c.object(name, v)
		}
	}
}

// manifest2 checks what version 0.2 adds.
func (c *checker) manifest2(o map[string]any) {
	mode := c.optional("", o, "prml_mode")
	if mode != "" {
		c.oneOf("prml_mode", mode, "static", "streaming")
	}
	needs := []string{"created_at"}
	if mode == "streaming" {
		needs = []string{"pre_registered_from", "pre_registered_to", "value_method", "sample_size"}
	}
	if _, ok := o["revoked_at"]; ok {
		needs = append(needs, "revocation_reason")
	}
	for _, name := range needs {
		if _, ok := o[name]; !ok {
			c.fail("missing required field: %s", name)
		}
	}
	for _, name := range []string{"created_at", "pre_registered_from", "pre_registered_to", "revoked_at"} {
		c.moment(name, c.optional("", o, name))
	}
	if utf8.RuneCountInString(c.optional("", o, "value_method")) > 256 {
		c.fail("value_method has more than 256 characters")
	}
	c.optional("", o, "runner_attestation")
	if v, ok := o["sample_size"]; ok {
		if n, isNumber := v.(json.Number); !isNumber || !isInteger(n) || n[0] == '-' {
			c.fail("sample_size must be an integer from 0")
		}
	}
	if reason := c.optional("", o, "revocation_reason"); reason != "" {
		c.oneOf("revocation_reason", reason, "dataset_compromised", "model_recalled", "author_request", "other")
	}
}

// sayPRML lists what a manifest that keeps the rules says.
func (r *Reading) sayPRML(o map[string]any) {
	text := func(path ...string) string {
		var v any = o
		for _, name := range path {
			in, _ := v.(map[string]any)
			v = in[name]
		}
		switch v := v.(type) {
		case string:
			return v
		case json.Number:
			return string(v)
		}
		return ""
	}
	r.say("claim", text("claim_id"))
	r.say("announces", fmt.Sprintf("%s %s %s", text("metric"), text("comparator"), text("threshold")))
	r.say("data set", strings.TrimSpace(text("dataset", "id")+" "+text("dataset", "hash")))
	r.say("model", strings.TrimSpace(text("model", "id")+" "+text("model", "hash")))
	r.say("producer", text("producer", "id"))
	r.say("created at", text("created_at"))
	if from := text("pre_registered_from"); from != "" {
		r.say("window", from+" to "+text("pre_registered_to"))
	}
	r.say("items", text("sample_size"))
	r.say("amends", text("prior_hash"))
	r.say("revoked at", strings.TrimSpace(text("revoked_at")+" "+text("revocation_reason")))
	r.say("attestation", text("runner_attestation"))
}

// hashPRML recomputes the hash by which manifests are named.
func (r *Reading) hashPRML(o map[string]any) {
	canonical, err := prmlBytes(o)
	if err != nil {
		r.Found = append(r.Found, fmt.Sprintf("Its own hash was not recomputed: %v", err))
		return
	}
	sum := sha256.Sum256(canonical)
	r.Hash = hex.EncodeToString(sum[:])
	r.say("own hash", r.Hash)
	r.Found = append(r.Found, "Its own hash, recomputed, is "+r.Hash+": with a hash that was published earlier it shows that the manifest is the one that was meant then, and nothing else")
}

func (r *Reading) lackPRML(o map[string]any) {
	r.Lacks = []string{
		"when it was written: its times are its author's word, and no log and no timestamp is part of it",
		"who wrote it: no signature is part of it that could be checked",
		"a result: it announces a threshold, and the number that is held against it is typed by hand",
		"the items: a single hash stands for the data set, so that none can be opened or counted alone, and guesses at a small one can be tried",
		"how many were announced: manifests of other thresholds may exist, of which only one is shown",
	}
	model, _ := o["model"].(map[string]any)
	switch digest, _ := model["hash"].(string); {
	case model == nil:
		r.Lacks = append(r.Lacks, "a model: none is named")
	case digest == "":
		r.Lacks = append(r.Lacks, "which model: it is a name, and no digest of weights")
	default:
		r.Lacks = append(r.Lacks, "which model: its hash is not said to be of what, and was not checked")
	}
	if set, _ := o["dataset"].(map[string]any); strings.HasPrefix(set["hash"].(string), "n/a") {
		r.Lacks = append(r.Lacks, "a data set: its hash is left out by intent ("+set["hash"].(string)+")")
	}
	if _, ok := o["revoked_at"]; ok {
		r.Found = append(r.Found, "It says that it was revoked")
	}
	if _, ok := o["runner_attestation"]; ok {
		r.Found = append(r.Found, "The attestation that it points to was not fetched")
	}
	if _, ok := o["prior_hash"]; ok {
		r.Found = append(r.Found, "It says that it amends an earlier manifest, which is not here")
	}
}
