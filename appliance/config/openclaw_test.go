package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImportOpenClaw(t *testing.T) {
	const in = `// ~/.openclaw/openclaw.json
{
  agents: {defaults: {model: "x"}},
  channels: {
    telegram: {botToken: "s3cret-other"},
    napcatqq: {
      wsPort: 3001, accessToken: "${QQ_TOKEN}",
      groups: {"5": {skills: [], requireMentions: false}},
      streaming: true, dmPolicy: "opened",
    },
  },
}`
	out, issues, err := ImportOpenClaw([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	const want = `# 由 openclaw.json 导入 / imported from openclaw.json

wsPort: 3001
accessToken: "${QQ_TOKEN}"
groups:
  "5":
    skills: []
dmPolicy: opened
`
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	var got []string
	for _, i := range issues {
		got = append(got, i.Head())
	}
	wantIssues := []string{
		`openclaw.json:8:34: groups.5: unknown key "requireMentions"; did you mean "requireMention"?`,
		"openclaw.json:9:7: unknown key \"streaming\"; `catflap config schema` lists all keys",
		`openclaw.json:9:34: dmPolicy: expected pairing, open, closed, allowlist or disabled (did you mean open?), found "opened"`,
	}
	if diff := cmp.Diff(wantIssues, got); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
}

func TestImportMakesAToken(t *testing.T) {
	for _, in := range []string{
		`{channels: {napcatqq: {wsPort: 3001}}}`,
		`{channels: {napcatqq: {accounts: {bot1: {wsPath: "/1"}, bot2: {wsPath: "/2"}}}}}`,
		`{channels: {napcatqq: {accessToken: "", wsPort: 3001}}}`,
		`{channels: {napcatqq: {accounts: {bot1: {wsPath: "/1", accessToken: ""}, bot2: {wsPath: "/2"}}}}}`,
		`{channels: {napcatqq: {accessToken: "0123456789abcdefghijklmn", accounts: {bot1: {wsPath: "/1", accessToken: ""}, bot2: {wsPath: "/2"}}}}}`,
	} {
		out, issues, err := ImportOpenClaw([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		const want = "accessToken: there was no token, so a fresh one was written: put it into NapCat as well (`catflap napcat config`)"
		if len(issues) != 1 || !strings.HasSuffix(issues[0].Head(), want) {
			t.Errorf("issues %v", issues)
		}
		for _, a := range parse(t, string(out)).Accounts {
			if len(a.AccessToken) < 20 {
				t.Errorf("weak token in\n%s", out)
			}
		}
	}
}

func TestImportErrors(t *testing.T) {
	_, _, err := ImportOpenClaw([]byte(`{channels: {qq: {}}}`))
	if err == nil || err.Error() != "openclaw.json has no channels.napcatqq: give the whole file of an OpenClaw that serves QQ" {
		t.Errorf("got %v", err)
	}
	_, _, err = ImportOpenClaw([]byte("{channels: {\n  token: 's3cret}\n"))
	var list *Errors
	if !errors.As(err, &list) || strings.Contains(err.Error(), "s3cret") || list.Issues[0].Head() != "openclaw.json:2:10: this text is never closed: add '" {
		t.Errorf("got %v", err)
	}
}
