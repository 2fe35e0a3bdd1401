// Package metrics writes counters and gauges in the text form that Prometheus reads.
package metrics

import (
	"strconv"
	"strings"
)

// ContentType is that of a page.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Page collects one scrape. The zero value is ready; it is for one goroutine.
type Page struct {
	text []byte
}

// Family is one metric of a page. Its values follow each other: write all of them before the next family.
type Family struct {
	page *Page
	name string
}

// Counter begins a metric that only grows while the process lives. By custom the name ends in _total.
func (p *Page) Counter(name, help string) Family { return p.family(name, "counter", help) }

// Gauge begins a metric that goes up and down. By custom the name ends in its unit.
func (p *Page) Gauge(name, help string) Family { return p.family(name, "gauge", help) }

func (p *Page) family(name, kind, help string) Family {
	p.text = append(p.text, "# HELP "+name+" "+strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)+"\n# TYPE "+name+" "+kind+"\n"...)
	return Family{p, name}
}

// Set writes one value. Labels come in pairs: name, value, name, value; a name without a value is left out.
func (f Family) Set(value float64, labels ...string) {
	b := append(f.page.text, f.name...)
	for i := 0; i+1 < len(labels); i += 2 {
		b = append(b, "{,"[min(i, 1)])
		b = append(b, labels[i]+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(labels[i+1], "\ufffd"))+`"`...)
	}
	if len(labels) > 1 {
		b = append(b, '}')
	}
	b = append(b, ' ')
	b = strconv.AppendFloat(b, value, 'f', -1, 64) // never 1e+09: people read these pages too
	f.page.text = append(b, '\n')
}

// Flag writes 1 for true and 0 for false.
func (f Family) Flag(on bool, labels ...string) {
	value := 0.0
	if on {
		value = 1
	}
	f.Set(value, labels...)
}

// Bytes is the page so far; the page owns it.
func (p *Page) Bytes() []byte { return p.text }
