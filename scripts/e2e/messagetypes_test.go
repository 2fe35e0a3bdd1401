package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
)

// table reads one of the tables of docs/messages.md, by its number: rows of cells as they are written.
func table(t *testing.T, number int) [][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	var tables [][][]string
	inside := false
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		if !inside {
			tables, inside = append(tables, nil), true
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		tables[len(tables)-1] = append(tables[len(tables)-1], cells)
	}
	return tables[number][2:]
}

// code is what stands between the backticks of a cell.
func code(cell string) string {
	_, cell, _ = strings.Cut(cell, "`")
	cell, _, _ = strings.Cut(cell, "`")
	return cell
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// Every row of docs/messages.md about what applications send, through a whole catflap.
func TestMessageTypesSent(t *testing.T) {
	for _, language := range []string{"zh", "en"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, admitted+"\nlanguage: "+language+`
pacing: off
apps:
  probe: {protocol: onebot11, accessToken: `+probeToken+`}
  texts: {protocol: onebot11, unsupported: text, accessToken: `+koishiToken+`}
  plain: {protocol: onebot11, markdown: refuse, accessToken: `+nonebotToken+`}
`)
			n := dialNapCat(t, b)
			b.account(t, "default", true)
			apps := map[string]*probe{"": dialProbe(t, b, "/", probeToken), "unsupported: text": dialProbe(t, b, "/", koishiToken), "markdown: refuse": dialProbe(t, b, "/", nonebotToken)}
			names := map[string]string{"": "probe", "unsupported: text": "texts", "markdown: refuse": "plain"}
			for _, row := range table(t, 0) {
				setting, foreign := strings.CutSuffix(code(row[2]), ", language: en")
				if foreign != (language == "en") && (foreign || row[0] == "location" || strings.Contains(code(row[3]), `"text":"[`)) {
					continue // its words are of the other language
				}
				p := apps[setting]
				if p == nil {
					t.Fatalf("%s: unknown setting", row)
				}
				before := len(n.Sent())
				answer := p.call(t, "send_group_msg", map[string]any{"group_id": ops, "message": decoded(t, code(row[1]))})
				sent := n.Sent()[before:]
				if strings.HasPrefix(row[3], "refused: ") {
					want := strings.ReplaceAll(code(row[3]), "apps.APP.", "apps."+names[setting]+".")
					if !answer.is("status", "failed") || !answer.is("retcode", "1400") || !answer.is("wording", want) || len(sent) != 0 {
						t.Errorf("%s: answered %+v, sent %+v", row, answer, sent)
					}
					continue
				}
				want := code(row[3])
				if row[3] == "as it is" {
					want = code(row[1])
				}
				if !answer.is("retcode", "0") || len(sent) != 1 {
					t.Errorf("%s: answered %+v, sent %+v", row, answer, sent)
					continue
				}
				if diff := cmp.Diff(decoded(t, want), arrived(t, sent[0])); diff != "" {
					t.Errorf("%s: NapCat got %s: %s", row, sent[0].Raw, diff)
				}
			}
		})
	}
}

// Every row about what applications receive: from a NapCat of either form, to an application of either form.
func TestMessageTypesReceived(t *testing.T) {
	for _, form := range []simulator.Format{simulator.Array, simulator.String} {
		t.Run("NapCat sends "+string(form), func(t *testing.T) {
			t.Parallel()
			b := startBox(t, admitted+`
pacing: off
media: {rewrite: false}
apps:
  probe: {protocol: onebot11, accessToken: `+probeToken+`}
  texts: {protocol: onebot11, messageFormat: string, accessToken: `+koishiToken+`}
`)
			n := callNapCat(t, simulator.Options{Token: napcatToken, Format: form}, b.napcatAddress("/onebot/v11/ws"))
			n.linked(t)
			array, text := dialProbe(t, b, "/", probeToken), dialProbe(t, b, "/", koishiToken)
			array.first(t)
			text.first(t)
			for _, row := range table(t, 2) {
				var s simulator.Segment
				if err := json.Unmarshal([]byte(code(row[1])), &s); err != nil {
					t.Fatal(err)
				}
				id := fmt.Sprint(n.Say(simulator.Private(ann), s))
				whole := func(f frame) bool { return f.is("message_id", id) }
				got := array.wait(t, row[0], whole)
				if !got.is("message_format", "array") || len(segments(got)) != 1 || !segments(got)[0].is("type", s.Type) {
					t.Errorf("%s: the array app got %+v", row, got)
				} else {
					for key, want := range s.Data {
						have := fmt.Sprint(segments(got)[0].data()[key])
						if _, nested := want.(map[string]any); !nested && want != nil && want != "" && have != fmt.Sprint(want) {
							t.Errorf("%s: data.%s is %s", row, key, have)
						}
					}
				}
				got = text.wait(t, row[0], whole)
				message, _ := got["message"].(string)
				if diff := cmp.Diff(onebot.ParseCQ(decoded(t, code(row[2])).(string)), onebot.ParseCQ(message)); diff != "" || !got.is("message_format", "string") || !got.is("raw_message", message) {
					t.Errorf("%s: the string app got %+v: %s", row, got, diff)
				}
			}
		})
	}
}

// A file keeps its name on the way to NapCat, whatever its extension or language.
func TestFilesKeepTheirNames(t *testing.T) {
	n, p := ready(t)
	for _, extension := range strings.Fields("txt md json csv doc docx pdf xls xlsx ppt pptx zip rar 7z tar gz js ts py java go rs tar.gz catflap") {
		for _, name := range []string{"document." + extension, "季度 报告（一）." + extension} {
			before := len(n.Sent())
			p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": []any{map[string]any{"type": "file", "data": map[string]any{"file": "base64://aGVsbG8=", "name": name}}}})
			sent := n.Sent()[before:]
			if len(sent) != 1 || len(sent[0].Segments) != 1 || sent[0].Segments[0].Data["name"] != name {
				t.Errorf("%s became %+v", name, sent)
			}
		}
	}
}

// arrived is a message as NapCat was handed it. Who has just been linked is not asked for its name yet.
func arrived(t *testing.T, s simulator.Sent) any {
	t.Helper()
	return decoded(t, strings.ReplaceAll(string(s.Raw), `"nickname":""`, `"nickname":"Bot"`))
}

// ready is a box whose catflap has seen that NapCat is linked: whoever sends before that is told to wait.
func ready(t *testing.T) (*napcat, *probe) {
	t.Helper()
	b, n, p := setUp(t, admitted)
	b.account(t, "default", true)
	return n, p
}

// becomes lets the application send a segment to a group and checks what NapCat was handed in its place.
func becomes(t *testing.T, p *probe, n *napcat, kind string, data map[string]any, want string) {
	t.Helper()
	before := len(n.Sent())
	p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": []any{map[string]any{"type": kind, "data": data}}})
	if sent := n.Sent()[before:]; len(sent) != 1 || cmp.Diff(decoded(t, want), arrived(t, sent[0])) != "" {
		t.Errorf("a %s of %v became %+v, want %s", kind, data, sent, want)
	}
}

// refuses checks that a segment is refused with a wording, and not sent.
func refuses(t *testing.T, p *probe, n *napcat, kind string, data map[string]any, want string) {
	t.Helper()
	before := len(n.Sent())
	answer := p.call(t, "send_group_msg", map[string]any{"group_id": ops, "message": []any{map[string]any{"type": kind, "data": data}}})
	if !answer.is("status", "failed") || !answer.is("wording", "send_group_msg: params.message[0] ("+kind+"): "+want) || len(n.Sent()) != before {
		t.Errorf("a %s of %v was answered with %+v, want %s", kind, data, answer, want)
	}
}

func TestSeed_openclaw_send_dice(t *testing.T) {
	n, p := ready(t)
	becomes(t, p, n, "dice", map[string]any{}, `[{"type":"dice","data":{}}]`)
	for result := 1; result <= 6; result++ {
		becomes(t, p, n, "dice", map[string]any{"result": result}, fmt.Sprintf(`[{"type":"face","data":{"id":"358","resultId":"%d"}}]`, result))
	}
	refuses(t, p, n, "dice", map[string]any{"result": 7}, "data.result is 7: give a number from 1 to 6, or leave it out for a random one")
}

func TestSeed_openclaw_send_rps(t *testing.T) {
	n, p := ready(t)
	becomes(t, p, n, "rps", map[string]any{}, `[{"type":"rps","data":{}}]`)
	for result := 1; result <= 3; result++ {
		becomes(t, p, n, "rps", map[string]any{"result": result}, fmt.Sprintf(`[{"type":"face","data":{"id":"359","resultId":"%d"}}]`, result))
	}
	refuses(t, p, n, "rps", map[string]any{"result": 4}, "data.result is 4: give a number from 1 to 3, or leave it out for a random one")
}

func TestSeed_openclaw_send_miniapp(t *testing.T) {
	n, p := ready(t)
	becomes(t, p, n, "miniapp", map[string]any{"data": `{"app":"com.tencent.miniapp_01"}`}, `[{"type":"json","data":{"data":"{\"app\":\"com.tencent.miniapp_01\"}"}}]`)
}

func TestSeed_openclaw_send_markdown(t *testing.T) {
	n, p := ready(t)
	becomes(t, p, n, "markdown", map[string]any{"content": "# Title\n\n**Bold text** and *italic*"},
		`[{"type":"node","data":{"user_id":"10001","nickname":"Bot","content":[{"type":"node","data":{"user_id":"10001","nickname":"Bot","content":[{"type":"markdown","data":{"content":"# Title\n\n**Bold text** and *italic*"}}]}}]}}]`)
}

// unsupported sends a segment that NapCat cannot send, as an application with either setting.
func unsupported(t *testing.T, kind string, data map[string]any, want string) {
	t.Helper()
	t.Parallel()
	b := startBox(t, admitted+`
pacing: off
apps:
  probe: {protocol: onebot11, accessToken: `+probeToken+`}
  texts: {protocol: onebot11, unsupported: text, accessToken: `+koishiToken+`}
`)
	n := dialNapCat(t, b)
	b.account(t, "default", true)
	refuses(t, dialProbe(t, b, "/", probeToken), n, kind, data, "NapCat cannot send it (apps.probe.unsupported: refuse; text sends it as text)")
	becomes(t, dialProbe(t, b, "/", koishiToken), n, kind, data, want)
}

func TestSeed_openclaw_send_xml(t *testing.T) {
	unsupported(t, "xml", map[string]any{"data": "<xml>...</xml>"}, `[{"type":"text","data":{"text":"<xml>...</xml>"}}]`)
}

func TestSeed_openclaw_send_location(t *testing.T) {
	unsupported(t, "location", map[string]any{"lat": 39.9042, "lon": 116.4074, "title": "Beijing", "content": "Capital of China"},
		`[{"type":"text","data":{"text":"[Location] Beijing Capital of China 39.9042, 116.4074"}}]`)
}
