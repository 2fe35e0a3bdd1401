package config

import (
	"crypto/rand"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SampleOptions says what a new file holds. What is zero is left out, so that its default applies.
type SampleOptions struct {
	Name        string
	WSHost      string
	WSPort      uint16
	WSPath      string
	AccessToken string // "" = a fresh one
	SelfID      uint64
	Link        string // "forward" with URL
	URL         string
	Owners      []uint64

	GatewayListen string
	ConsoleListen string
	PublicURL     string // media.publicUrl
	DataDir       string
	Language      string

	Apps []SampleApp
}

// SampleApp is one app of a new file. Without Connect and Listen it comes to the gateway.
type SampleApp struct {
	Name           string
	Connect        string
	Listen         string
	AccessToken    string // "" = a fresh one
	RequireMention *bool  // `init` writes false for frameworks
}

// NewToken is a fresh token of 26 letters and digits from the system's random source, good in headers and addresses.
func NewToken() string {
	return strings.ToLower(rand.Text())
}

// Sample writes a commented file for `catflap init`: Chinese and English, fresh tokens, nothing that is not set.
// Parse accepts it without warnings.
func Sample(o SampleOptions) []byte {
	r := root{config: &Config{}}
	r.account = Account{
		Title: o.Name, WSHost: o.WSHost, WSPort: o.WSPort, WSPath: o.WSPath, SelfID: o.SelfID,
		AccessToken: orFresh(o.AccessToken), Link: o.Link, URL: o.URL, Owners: o.Owners,
	}
	r.config.Gateway.Listen = o.GatewayListen
	r.config.Console.Listen = o.ConsoleListen
	r.config.Media.PublicURL = o.PublicURL
	r.config.DataDir, r.config.Language = o.DataDir, o.Language

	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range rootFields() {
		switch f.key {
		case "apps":
			if apps := sampleApps(o.Apps); apps != nil {
				putCommented(out, f, apps)
			}
		case "wsPort":
			if o.WSPort != 0 {
				putCommented(out, f, f.codec.write(f.bind(&r), true))
			}
		case "owners":
			if len(o.Owners) > 0 {
				putCommented(out, f, f.codec.write(f.bind(&r), true))
			}
		case "name", "wsHost", "wsPath", "accessToken", "selfId", "link", "url", "dataDir", "language":
			if n := f.codec.write(f.bind(&r), true); n != nil {
				putCommented(out, f, n)
			}
		case "gateway", "console", "media":
			if n := sampleSection(f, &r); n != nil {
				putCommented(out, f, n)
			}
		}
	}
	const head = "# catflap 配置文件。所有选项：catflap config schema，或文档中的配置参考。检查：catflap config check\n" +
		"# The configuration of catflap. All options: catflap config schema. To check it: catflap config check\n" +
		"# 未写出的选项使用默认值。/ What is not written has its default.\n\n"
	return append([]byte(head), render(out)...)
}

func orFresh(token string) string {
	if token == "" {
		return NewToken()
	}
	return token
}

// putCommented appends a key with its meaning above it.
func putCommented(out *yaml.Node, f field, value *yaml.Node) {
	put(out, f.key, value)
	key := out.Content[len(out.Content)-2]
	key.HeadComment = "# " + f.zh + "\n# " + f.en
}

// sampleSection keeps the addresses of a section that are set.
func sampleSection(f field, r *root) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	owner := f.bind(r)
	for _, sub := range f.codec.fields() {
		if slices.Contains([]string{"listen", "publicUrl"}, sub.key) {
			if n := sub.codec.write(sub.bind(owner), true); n != nil {
				put(out, sub.key, n)
			}
		}
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

func sampleApps(apps []SampleApp) *yaml.Node {
	if len(apps) == 0 {
		return nil
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i, s := range apps {
		a := App{Name: s.Name, Protocol: "onebot11", Connect: s.Connect, Listen: s.Listen, AccessToken: orFresh(s.AccessToken), RequireMention: s.RequireMention}
		entry := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, f := range appFields() {
			if !slices.Contains([]string{"protocol", "connect", "listen", "accessToken", "requireMention"}, f.key) {
				continue
			}
			if n := f.codec.write(f.bind(&a), true); n != nil {
				if f.key == "protocol" || i > 0 { // one explanation is enough
					put(entry, f.key, n)
				} else {
					putCommented(entry, f, n)
				}
			}
		}
		put(out, s.Name, entry)
	}
	return out
}
