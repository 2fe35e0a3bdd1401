package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/doctor"
	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/napcat/settings"
	"github.com/catflap/catflap/appliance/service"
	"github.com/catflap/catflap/appliance/update"
	"github.com/catflap/catflap/store"
)

// Doctor looks at the box, the configuration and what runs, and says what to do.
func (s *Shell) Doctor() *cli.Command {
	return data(&cli.Command{
		Name: "doctor", Usage: "look at the box, the configuration and what runs, and say what to do",
		UsageText: "catflap doctor [--fix] [--full] [--napcat DIR] [--json]\n\n" +
			"--fix mends permissions, owners, stale sockets and leftovers; it changes no configuration and no data.\n" +
			"--full walks through copies of the databases also when they are large and in use (that writes as much as they hold).\n" +
			"--napcat looks into NapCat's own files in its folder config.\n" +
			"It exits with 1 when something critical is left, else with 0. --json prints [{check, level, found, fix, fixed}].\n\n" +
			"example: sudo catflap doctor --fix",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "fix", Usage: "mend what can be mended without harm"},
			&cli.BoolFlag{Name: "full", Usage: "check large databases too while they are in use"},
			&cli.StringFlag{Name: "napcat", Usage: "NapCat's config folder `DIR`"},
			langFlag(),
		},
		Action: s.doctor,
	})
}

func (s *Shell) doctor(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	findings := doctor.Examine(s.readings(c))
	if c.Bool("fix") {
		for i := range findings {
			if err := findings[i].Mend(); err != nil {
				fmt.Fprintln(s.Err, s.paint(s.Err).warn("! "+clean(err.Error())))
			}
		}
	}
	critical := 0
	for i := range findings {
		if findings[i].Level == doctor.Critical {
			critical++
		}
	}
	if err := s.printFindings(c, findings); err != nil {
		return err
	}
	if critical > 0 {
		return &failure{code: exitFailed}
	}
	return nil
}

// found is one finding as --json prints it.
type found struct {
	Check string       `json:"check"`
	Level doctor.Level `json:"level"`
	Found string       `json:"found"`
	Fix   string       `json:"fix"`
	Fixed bool         `json:"fixed"`
}

func (s *Shell) printFindings(c *cli.Context, findings []doctor.Finding) error {
	list := make([]found, len(findings))
	for i, f := range findings {
		list[i] = found{f.Check, f.Level, s.either(c, f.Found.EN, f.Found.ZH), s.either(c, f.Fix.EN, f.Fix.ZH), f.Fixed}
	}
	if c.Bool("json") {
		return s.printValue(list)
	}
	p := s.paint(s.Out)
	warnings, critical, mendable := 0, 0, 0
	for i, f := range list {
		mark, style := "ok  ", p.good
		switch {
		case f.Fixed:
			mark = s.either(c, "mended", "已修复")
		case f.Level == doctor.Warning:
			mark, style = s.either(c, "warning", "注意"), p.warn
			warnings++
		case f.Level == doctor.Critical:
			mark, style = s.either(c, "critical", "严重"), p.bad
			critical++
		}
		if findings[i].Mends() && f.Level != doctor.OK {
			mendable++
		}
		for n, line := range wrap(f.Check+": "+f.Found, max(columns(s.Out)-10, 0), 2) {
			if n == 0 {
				fmt.Fprintln(s.Out, style(mark+strings.Repeat(" ", max(8-uniseg.StringWidth(mark), 0))), clean(line))
			} else {
				fmt.Fprintln(s.Out, "        ", clean(line))
			}
		}
		if f.Fix != "" && !f.Fixed {
			for _, line := range wrap("-> "+f.Fix, max(columns(s.Out)-10, 0), 3) {
				fmt.Fprintln(s.Out, "        ", p.faint(clean(line)))
			}
		}
	}
	fmt.Fprintf(s.Out, s.either(c, "\ncritical: %d, warnings: %d\n", "\n严重：%d，注意：%d\n"), critical, warnings)
	if mendable > 0 && !c.Bool("fix") {
		fmt.Fprintf(s.Out, s.either(c, "%d of them can be mended by `%s doctor --fix`\n", "其中 %d 项可用 `%s doctor --fix` 修复\n"), mendable, s.Program)
	}
	return nil
}

// readings reads everything that doctor judges.
func (s *Shell) readings(c *cli.Context) *doctor.Readings {
	system := doctor.System{}
	r := &doctor.Readings{Now: time.Now(), Version: s.Version, Containers: system.Containers(), Service: serviceState(c.Context, service.NewHost())}
	r.ConfigPath, r.ConfigErr = config.Find(c.String("config"), s.Env)
	if r.ConfigErr == nil {
		r.Config, r.ConfigErr = config.Load(r.ConfigPath, s.Env)
	}
	if path, err := filepath.Abs(r.ConfigPath); err == nil && r.Service != nil && r.Service.Installed {
		host := service.NewHost()
		readable, settled := host.Serves(path)
		r.Service.Closed, r.Service.Unsettled = !readable, !settled
		r.Service.Adopt = func() error { return host.Adopt(path) }
	}
	r.Memory = system.Memory("catflap")
	if r.Memory != nil && r.Config != nil {
		if limit, group := appliance.MemoryInForce(r.Config.Memory.Limit); group > 0 {
			r.Memory.Group, r.Memory.InForce = group, limit
		}
		r.Memory.GoLimit, _ = s.Env("GOMEMLIMIT")
	}
	if target, err := executable(); err == nil {
		if job := update.Unfinished(strings.TrimSuffix(target, ".old")); job != nil {
			r.Update = &doctor.Update{Program: job.Program, From: job.From, To: job.To}
		}
	}
	r.Files = doctor.Files(r.ConfigPath, r.Config, appliance.AdminSocket, func(path string) bool {
		live, err := dialSocket(c.Context, path)
		if err == nil {
			_ = live.close()
		}
		return err == nil || errors.Is(err, fs.ErrPermission)
	})
	r.Clock = system.Clock(r.Files)
	if r.Config == nil {
		return r
	}
	r.Disk = system.Disk(r.Config.DataDir)
	r.Listeners = listeners(r.Config)
	s.readInstance(c, r)
	if dir := c.String("napcat"); dir != "" {
		r.NapCat = readNapCats(dir, r)
	}
	if !r.Running {
		tryListeners(r.Listeners)
		r.Dials = tryDials(c.Context, r.Config)
	}
	return r
}

// readInstance asks what runs, or the store of what does not run.
func (s *Shell) readInstance(c *cli.Context, r *doctor.Readings) {
	live, err := dialSocket(c.Context, filepath.Join(r.Config.DataDir, appliance.AdminSocket))
	switch {
	case errors.Is(err, fs.ErrPermission):
		r.Running, r.Barred = true, true
		return
	case err == nil:
		defer live.close()
		r.Running = true
		var status console.Status
		if live.get(c.Context, "status", nil, &status) == nil {
			r.Status = &status
		}
		var media console.MediaStats
		if live.get(c.Context, "media", nil, &media) == nil {
			r.Media = &media
		}
	default:
		r.Database = walk(r.Config.DataDir)
		if r.Database == nil || r.Database.Err != nil {
			return
		}
		if live, err = s.openStore(r.Config, needRead); err != nil {
			r.Database.Err = err
			return
		}
		defer live.close()
	}
	var facts console.Facts
	if live.get(c.Context, "facts", nil, &facts) == nil {
		r.Facts = &facts
	}
	if r.Running {
		r.Database = walkLive(c, live, r.Status)
	}
}

// walk reads every page of a store that is not in use; nil when there is none yet.
func walk(dir string) *doctor.Database {
	d := &doctor.Database{}
	missing := 0
	for _, name := range store.Files() {
		path := filepath.Join(dir, name)
		err := store.Check(path)
		if errors.Is(err, fs.ErrNotExist) {
			missing++
			continue
		}
		if d.Err == nil {
			d.Err = err
		}
		if name == store.Files()[0] && errors.Is(err, store.ErrDamaged) {
			d.NoCopy = store.Check(path+".bak") != nil
		}
		d.Bytes += fileSize(path)
	}
	switch {
	case missing == len(store.Files()):
		return nil
	case missing > 0 && d.Err == nil: // opening says which, and what to do
		st, err := store.Open(dir, store.Options{ReadOnly: true})
		if err == nil {
			_ = st.Close()
		}
		d.Err = err
	}
	return d
}

// walkLive has a running instance walk through copies of its store, which writes as much as they hold.
func walkLive(c *cli.Context, live *client, status *console.Status) *doctor.Database {
	const small = 64 << 20
	d := &doctor.Database{}
	if status != nil {
		d.Bytes = status.Store.StateBytes + status.Store.JournalBytes
	}
	if d.Bytes > small && !c.Bool("full") {
		d.Skipped = true
		return d
	}
	var checked console.Checked
	d.Err = live.post(c.Context, "check", struct{}{}, &checked)
	d.Problem = checked.Problem
	return d
}

// listeners are the addresses of the configuration.
func listeners(cfg *config.Config) []doctor.Listener {
	var out []doctor.Listener
	seen := make(map[string]bool)
	add := func(key, address string) {
		if _, port, err := net.SplitHostPort(address); err == nil && port != "0" && !seen[address] {
			seen[address] = true
			out = append(out, doctor.Listener{Key: key, Address: address})
		}
	}
	for i := range cfg.Accounts {
		if a := &cfg.Accounts[i]; a.Enabled && (a.Link == "reverse" || a.Link == "http") {
			add("wsPort", net.JoinHostPort(a.WSHost, strconv.Itoa(int(a.WSPort))))
		}
	}
	for i := range cfg.Apps {
		switch a := &cfg.Apps[i]; {
		case !a.Enabled || a.Connect != "" || a.Post != "" || a.Protocol == "agent":
		case a.Listen != "":
			add("apps."+a.Name+".listen", a.Listen)
		default: // nobody listens at the gateway while no app comes to it
			add("gateway.listen", cfg.Gateway.Listen)
		}
	}
	add("console.listen", cfg.Console.Listen)
	return out
}

// tryListeners takes each address for a moment.
func tryListeners(list []doctor.Listener) {
	for i := range list {
		l, err := gate.Listen(list[i].Address)
		if err == nil {
			err = l.Close()
		}
		list[i].Err = err
	}
}

// tryDials knocks at what catflap dials.
func tryDials(ctx context.Context, cfg *config.Config) []doctor.Dial {
	var out []doctor.Dial
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	for i := range cfg.Accounts {
		a := &cfg.Accounts[i]
		address := ""
		switch a.Link {
		case "forward":
			address = a.URL
		case "http", "sse":
			address = a.APIURL
		}
		u, err := url.Parse(address)
		if !a.Enabled || address == "" || err != nil {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"ws": "80", "http": "80", "wss": "443", "https": "443"}[u.Scheme]
		}
		host := net.JoinHostPort(u.Hostname(), port)
		conn, err := dialer.DialContext(ctx, "tcp", host)
		if err == nil {
			_ = conn.Close()
		}
		out = append(out, doctor.Dial{Account: a.Name, Address: host, Err: err})
	}
	return out
}

// readNapCats compares NapCat's files with what each account needs.
func readNapCats(dir string, r *doctor.Readings) []doctor.NapCat {
	var out []doctor.NapCat
	for i := range r.Config.Accounts {
		a := &r.Config.Accounts[i]
		if !a.Enabled {
			continue
		}
		self := a.SelfID
		if self == 0 && r.Facts != nil {
			self = r.Facts.Accounts[a.Name].Pinned
		}
		n := doctor.NapCat{Account: a.Name, Dir: dir}
		var content []byte
		if n.Path, _, n.Err = napcatFile(dir, self); n.Err == nil {
			if content, n.Err = readNapCat(n.Path); n.Err == nil {
				n.Changes, n.Err = settings.Differences(content, *a, settings.Reach{Guess: lanAddress()})
			}
		}
		var f *failure
		if errors.As(n.Err, &f) && f.remedy != "" {
			n.Err = fmt.Errorf("%s: %s", f.message, f.remedy)
		}
		out = append(out, n)
	}
	return out
}

// serviceState asks the service manager; nil where there is none.
func serviceState(ctx context.Context, host *service.Host) *doctor.Service {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	st, err := host.State(ctx, false)
	if err != nil {
		return nil
	}
	found := &doctor.Service{Manager: st.Manager, Installed: st.Installed, Enabled: st.Enabled, Running: st.Running, Detail: st.Detail, Restarts: st.Restarts}
	switch st.Manager {
	case service.Systemd, service.OpenRC, service.Procd:
		found.Account = service.Name
	}
	if host.Shadowed() {
		found.Shadowed = st.File
	}
	return found
}
