package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// object is a JSON object in the making. Its methods leave out what the log does
// not say.
type object map[string]json.RawMessage

func (o object) put(name string, v foreign) {
	if v != nil && !v.isNull() {
		o[name] = json.RawMessage(v)
	}
}

func (o object) putText(name, s string) {
	if s != "" {
		o[name], _ = json.Marshal(s)
	}
}

// config collects what the log says of the run's configuration, under the names
// that the configuration has for it.
func (run *lmevalRun) config(log *Log) (map[string]json.RawMessage, error) {
	r := run.results
	chat, err := hashedText(r, "chat_template")
	if err != nil {
		return nil, err
	}
	system, err := hashedText(r, "system_instruction")
	if err != nil {
		return nil, err
	}

	harness := object{}
	harness.putText("name", LMEval)
	harness.putText("version", log.Version)
	harness.put("commit", r.get("git_hash"))

	sampling := object{}
	sampling.put("outputType", run.taskConfig("output_type"))
	sampling.put("generation", run.taskConfig("generation_kwargs"))
	sampling.put("repeats", run.taskConfig("repeats"))
	for member, name := range map[string]string{"randomSeed": "random_seed", "numpySeed": "numpy_seed", "torchSeed": "torch_seed"} {
		sampling.put(member, r.get("config", name))
	}

	fewShot := object{}
	fewShot.put("n", r.get("n-shot", run.task))
	fewShot.put("split", run.taskConfig("fewshot_split"))
	fewShot.put("sampler", run.taskConfig("fewshot_config", "sampler"))
	fewShot.put("asMultiturn", r.get("fewshot_as_multiturn"))
	fewShot.put("seed", r.get("config", "fewshot_seed"))

	prompt := object{}
	if text, ok := run.taskConfig("doc_to_text").text(); ok {
		prompt.putText("sha256", digest(text))
	}
	for member, name := range map[string]string{
		"docToText": "doc_to_text", "docToChoice": "doc_to_choice", "docToTarget": "doc_to_target",
		"description": "description", "targetDelimiter": "target_delimiter",
		"fewshotDelimiter": "fewshot_delimiter", "assistantPrefix": "gen_prefix",
	} {
		prompt.put(member, run.taskConfig(name))
	}

	grader := object{}
	grader.putText("name", LMEval)
	grader.put("metric", run.metricConfig(log.Metric))
	grader.put("taskVersion", r.get("versions", run.task))

	config := object{}
	for name, o := range map[string]object{
		"harness": harness, "sampling": sampling, "fewShot": fewShot, "promptTemplate": prompt, "grader": grader,
		"engine": run.engine(), "variant": run.variant(), "extractor": run.extractor(log.Filter),
	} {
		if len(o) > 0 {
			config[name], err = json.Marshal(o)
			if err != nil {
				return nil, fmt.Errorf("configuration %s: %w", name, err)
			}
		}
	}
	config.put("dtype", r.get("config", "model_dtype"))
	config.put("chatTemplate", chat)
	config.put("systemPrompt", system)
	for name, v := range config {
		if config[name], err = attest.Canonicalize(v); err != nil {
			return nil, fmt.Errorf("configuration %s: %w", name, err)
		}
	}
	return config, nil
}

// hashedText reads a text that the log gives with its hash. The word "none"
// stands for a logged null: the harness applied none. An empty text says nothing
// (a server applies its own), and so does an absent one.
func hashedText(results foreign, member string) (foreign, error) {
	v := results.get(member)
	if v.isNull() {
		return foreign(`"none"`), nil
	}
	s, ok := v.text()
	if !ok || s == "" {
		return nil, nil
	}
	if logged, ok := results.get(member + "_sha").text(); ok && logged != digest(s) {
		return nil, fmt.Errorf("%s_sha is %q, but the text hashes to %s", member, logged, digest(s))
	}
	return json.Marshal(map[string]string{"sha256": digest(s), "text": s})
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

var installed = regexp.MustCompile(`(?m)^\[(?:pip3|conda)\] (torch|vllm|sglang)(?:==|\s+)(\S+)`)

// engine is the backend that the harness drove, with the versions that the log
// has of it.
func (run *lmevalRun) engine() object {
	o := object{}
	o.put("name", run.results.get("config", "model"))
	if v, _ := run.results.get("transformers_version").text(); v != "N/A" {
		o.putText("transformers", v)
	}
	env, _ := run.results.get("pretty_env_info").text()
	for _, m := range installed.FindAllStringSubmatch(env, -1) {
		o.putText(m[1], m[2])
	}
	return o
}

// variant is the model's name. The harness invents a random one when the model's
// arguments hold none, so only a name that is found there is believed.
func (run *lmevalRun) variant() object {
	name, _ := run.results.get("model_name").text()
	o := object{}
	if name == "" || !run.hasArgument(name) {
		return o
	}
	o.putText("name", name)
	o.put("revision", run.results.get("config", "model_revision"))
	if sha, _ := run.results.get("config", "model_sha").text(); sha != "" {
		o.putText("commit", sha)
	}
	return o
}

func (run *lmevalRun) hasArgument(value string) bool {
	args := run.results.get("config", "model_args")
	for _, m := range args.members() {
		if s, _ := m.value.text(); s == value {
			return true
		}
	}
	s, _ := args.text()
	for arg := range strings.SplitSeq(s, ",") {
		if _, v, _ := strings.Cut(arg, "="); v == value {
			return true
		}
	}
	return false
}

// extractor is the chain of filters that made an answer of the model's output.
func (run *lmevalRun) extractor(filter string) object {
	o := object{}
	o.putText("name", filter)
	for i, f := range run.taskConfig("filter_list").elements() {
		if name, _ := f.get("name").text(); name == filter {
			o.put("steps", run.taskConfig("filter_list", strconv.Itoa(i), "filter"))
		}
	}
	return o
}
