package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestFault_T19_ShowHidesSecrets(t *testing.T) {
	c := parse(t, `accessToken: s3cret-1
apps:
  a: {accessToken: s3cret-2, secret: s3cret-3}
  b: {protocol: agent, baseUrl: "http://h/v1", model: m, apiKey: s3cret-4, mcp: {x: {url: "http://h/", headers: {Authorization: s3cret-5}}}}
alerts: {to: ["ntfy://s3cret-6@h/topic"]}
console: {password: s3cret-7}
`)
	shown := string(c.Show())
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{shown, string(encoded), fmt.Sprintf("%v %+v %v %+v", c, *c, c.Accounts, c.Apps)} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("a secret is shown:\n%s", text)
		}
	}
	if got := strings.Count(shown, `"***"`); got != 7 {
		t.Errorf("%d redacted values, want 7:\n%s", got, shown)
	}
}

// TestShowIsAFile: what is shown, secrets put back, reads as the same configuration.
func TestShowIsAFile(t *testing.T) {
	c := load(t, "contract.yaml")
	again := parse(t, string(render(c.node(true))))
	if diff := Diff(c, again); len(diff) != 0 {
		t.Errorf("differs: %+v\n%s", diff, c.Show())
	}
	if diff := cmp.Diff(c.Apps, again.Apps); diff != "" {
		t.Errorf("apps (-want +got):\n%s", diff)
	}
}

// everyField calls visit for each field of the file with its path.
func everyField(fields []field, path string, visit func(path string, f field)) {
	for _, f := range fields {
		visit(join(path, f.key), f)
		if f.codec.fields != nil {
			below := join(path, f.key)
			if f.codec.keyed != "" {
				below = join(below, f.codec.keyed)
			}
			everyField(f.codec.fields(), below, visit)
		}
	}
}

// TestOneSource: every field is described in both languages, its default reads, and it is in the schema and the reference.
func TestOneSource(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	reference := string(Reference())
	count := 0
	everyField(rootFields(), "", func(path string, f field) {
		count++
		if f.en == "" || f.zh == "" || f.codec.kind == "" {
			t.Errorf("%s is not described", path)
		}
		if !strings.Contains(reference, "| `"+f.key+"`") {
			t.Errorf("%s is not in the reference", path)
		}
		at := schema
		for _, part := range strings.Split(path, ".") {
			if strings.HasPrefix(part, "<") {
				at = at["additionalProperties"].(map[string]any)
				continue
			}
			if options, ok := at["anyOf"].([]any); ok {
				at = options[0].(map[string]any)
			}
			properties, _ := at["properties"].(map[string]any)
			next, ok := properties[part].(map[string]any)
			if !ok {
				t.Errorf("%s is not in the schema", path)
				return
			}
			at = next
		}
		if f.def != "" && at["default"] == nil {
			t.Errorf("%s has no default in the schema", path)
		}
	})
	if count < 150 {
		t.Errorf("only %d fields were visited", count)
	}
	d := newDecoder("defaults", nil, noEnv)
	d.defaults(rootFields(), &root{config: &Config{}})
	d.defaults(appFields(), &App{})
	d.defaults(groupFields(), &Group{})
	if len(d.issues) != 0 {
		t.Errorf("defaults that do not read: %v", d.issues)
	}
}

func TestSampleReads(t *testing.T) {
	o := SampleOptions{
		Name: "猫: 门", WSHost: "0.0.0.0", WSPort: 3005, WSPath: "/x", SelfID: 10001, Owners: []uint64{20002},
		GatewayListen: "0.0.0.0:6700", ConsoleListen: "0.0.0.0:6750", PublicURL: "http://192.168.1.2:6700", DataDir: "/srv/catflap", Language: "en",
		Apps: []SampleApp{
			{Name: "nonebot", Connect: "ws://127.0.0.1:8080/onebot/v11/ws", RequireMention: pointer(false)},
			{Name: "koishi"},
			{Name: "legacy", Listen: "127.0.0.1:5700", AccessToken: "given"},
		},
	}
	text := Sample(o)
	c := parse(t, string(text))
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	a := c.Accounts[0]
	got := SampleOptions{
		Name: a.Title, WSHost: a.WSHost, WSPort: a.WSPort, WSPath: a.WSPath, SelfID: a.SelfID, Owners: a.Owners,
		GatewayListen: c.Gateway.Listen, ConsoleListen: c.Console.Listen, PublicURL: c.Media.PublicURL, DataDir: c.DataDir, Language: c.Language,
	}
	tokens := map[string]bool{a.AccessToken: true}
	for _, app := range c.Apps {
		tokens[app.AccessToken] = true
		s := SampleApp{Name: app.Name, Connect: app.Connect, Listen: app.Listen, RequireMention: app.RequireMention}
		if app.AccessToken == "given" {
			s.AccessToken = "given"
		} else if len(app.AccessToken) < 20 {
			t.Errorf("%s has the weak token %q", app.Name, app.AccessToken)
		}
		got.Apps = append(got.Apps, s)
	}
	if diff := cmp.Diff(o, got); diff != "" {
		t.Errorf("round trip (-want +got):\n%s\n%s", diff, text)
	}
	if len(tokens) != 4 {
		t.Errorf("tokens repeat: %d of 4 differ", len(tokens))
	}
	if !strings.Contains(string(text), "# 访问令牌") || !strings.Contains(string(text), "# token NapCat presents") {
		t.Errorf("comments are missing:\n%s", text)
	}
	minimal := Sample(SampleOptions{})
	var keys yaml.Node
	if err := yaml.Unmarshal(minimal, &keys); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"accessToken"}, mappingKeys(keys.Content[0])); diff != "" {
		t.Errorf("keys of the smallest sample (-want +got):\n%s", diff)
	}
}
