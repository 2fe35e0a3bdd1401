package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/localfile"
)

func checkConfig(r *Readings, rep *report) {
	var wrong *config.Errors
	switch {
	case errors.As(r.ConfigErr, &wrong):
		for _, issue := range wrong.Issues {
			head := issue.Head()
			rep.add(Critical, both("%s", "%s", head), both("correct it; `catflap config check` shows the line", "请修正；`catflap config check` 会显示出错的行"))
		}
	case errors.Is(r.ConfigErr, config.ErrNotFound):
		rep.add(Critical, both("there is no configuration", "没有配置文件"), both("`catflap init` writes one; or name it with --config", "用 `catflap init` 生成，或用 --config 指定"))
	case errors.Is(r.ConfigErr, fs.ErrPermission):
		rep.add(Critical, both("%s", "%s", r.ConfigErr), both("sudo catflap doctor", "sudo catflap doctor"))
	case r.ConfigErr != nil:
		rep.add(Critical, both("%s", "%s", r.ConfigErr), both("name the file with --config, and read it as a user that may", "用 --config 指定文件，并以有权读取的用户运行"))
	case r.Config != nil:
		c := r.Config
		rep.add(OK, both("%s is right: accounts %d, apps %d", "%s 正确：账号 %d 个，应用 %d 个", c.Path, len(c.Accounts), len(c.Apps)), console.Text{})
		for _, w := range c.Warnings {
			if w.Line == 0 && w.Path == "" { // who may read the file: checkPermissions
				continue
			}
			rep.add(Warning, both("%s", "%s", w.Head()), both("see the key in `catflap config show`", "参见 `catflap config show` 中的该项"))
		}
	}
}

func checkPermissions(r *Readings, rep *report) {
	folder := -1
	for i := range r.Files {
		if r.Files[i].Kind == DataFolder && !r.Files[i].Missing {
			folder = r.Files[i].Owner
		}
	}
	for i := range r.Files {
		f := &r.Files[i]
		switch {
		case f.Missing:
			missing(f, rep)
		case f.Kind == Socket:
			if f.Stale {
				rep.add(Warning, both("%s is left of an instance that is gone", "%s 是已退出的实例留下的", f.Path),
					both("rm %s (the next start replaces it)", "rm %s（下次启动会替换它）", f.Path)).mend = func() error { return removeSocket(f.Path) }
			}
		case f.Kind == Leftover:
			if r.Now.Sub(f.Changed) > time.Hour {
				rep.add(Warning, both("%s is left of a backup or restore that was cut short", "%s 是中断的备份或恢复留下的", f.Path),
					both("rm -r %s", "rm -r %s", f.Path)).mend = func() error { return os.RemoveAll(f.Path) }
			}
		case f.Kind == SetAside:
			rep.add(OK, both("%s was set aside by a restore (%d KiB)", "%s 是恢复时移开的旧文件（%d KiB）", f.Path, f.Size>>10),
				both("delete it when you no longer want it", "不再需要时可以删除"))
		case f.Kind == DataFile && !f.Mode.IsRegular():
			rep.add(Critical, both("%s is no plain file", "%s 不是普通文件", f.Path), both("find out who put it there, and remove it", "查明来历并删除"))
		case f.Kind == ConfigFile && r.Service != nil && r.Service.Closed:
			rep.add(Critical, both("%s cannot be read by the service (user %s)", "服务（用户 %[2]s）无法读取 %[1]s", f.Path, Account(r)),
				both("chown root:%[2]s %[1]s && chmod 0660 %[1]s", "chown root:%[2]s %[1]s && chmod 0660 %[1]s", f.Path, Account(r))).mend = r.Service.Adopt
		default:
			var adopt func() error
			if f.Kind == ConfigFile && r.Service != nil && r.Service.Unsettled {
				adopt = r.Service.Adopt
			}
			open(f, rep, adopt)
			if f.Kind == DataFile && folder >= 0 && f.Owner >= 0 && f.Owner != folder {
				rep.add(Critical, both("%s belongs to user %d and its folder to user %d: one of them cannot open it", "%s 属于用户 %d，而文件夹属于用户 %d：其中之一无法打开它", f.Path, f.Owner, folder),
					both("chown %[2]d %[1]s", "chown %[2]d %[1]s", f.Path, folder)).mend = func() error {
					return localfile.Plain(f.Path, func(file *os.File) error { return file.Chown(folder, -1) })
				}
			}
		}
	}
	if len(rep.list) == 0 && len(r.Files) > 0 {
		rep.add(OK, both("configuration and data are closed to others", "配置和数据对其他用户不可读"), console.Text{})
	}
}

func missing(f *File, rep *report) {
	if f.Kind == DataFolder {
		rep.add(OK, both("the data folder %s is not there yet", "数据文件夹 %s 还不存在", f.Path),
			both("the first start makes it", "首次启动时会创建")).mend = func() error { return os.MkdirAll(f.Path, 0o700) }
	}
}

// Account is the user that the service runs as.
func Account(r *Readings) string {
	if r.Service == nil || r.Service.Account == "" {
		return "root"
	}
	return r.Service.Account
}

// open judges who may read a file. The group may: that is how the service's members and the console get at it; but not
// the databases. adopt, if not nil, mends the service's own configuration.
func open(f *File, rep *report, adopt func() error) {
	kept := fs.FileMode(0o770)
	if f.Kind == DataFile {
		kept = 0o700
	}
	mode := f.Mode.Perm()
	if mode&^kept == 0 {
		return
	}
	level := Critical
	if f.Kind == DataFolder || mode&0o007 == 0 {
		level = Warning
	}
	change := "o-rwx"
	if kept == 0o700 {
		change = "go-rwx"
	}
	found := rep.add(level, both("%s is open to others (mode %04o)", "%s 对其他用户开放（权限 %04o）", f.Path, mode),
		both("chmod %s %s", "chmod %s %s", change, f.Path))
	switch {
	case adopt != nil:
		found.mend = adopt
	case f.Kind == DataFolder:
		found.mend = func() error { return os.Chmod(f.Path, mode&kept) }
	default:
		// The service may write in the folder of its configuration too: see plain.
		found.mend = func() error {
			return localfile.Plain(f.Path, func(file *os.File) error { return file.Chmod(mode & kept) })
		}
	}
}

// removeSocket removes a socket and nothing else.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is no socket any more", path)
	}
	return os.Remove(path)
}

// secret is a token with its place in the file.
type secret struct {
	key, text string
	account   bool
	outside   bool // others than this host can try it
}

func secrets(c *config.Config) []secret {
	var out []secret
	for i := range c.Accounts {
		a := &c.Accounts[i]
		key := "accounts." + a.Name + ".accessToken"
		if a.Name == config.DefaultAccount && len(c.Accounts) == 1 {
			key = "accessToken"
		}
		out = append(out, secret{key, a.AccessToken, true, a.Enabled && !local(accountHost(a))})
	}
	for i := range c.Apps {
		a := &c.Apps[i]
		if a.Protocol == "agent" || a.Connect != "" || a.Post != "" {
			continue // it opens nothing here
		}
		listen := c.Gateway.Listen
		if a.Listen != "" {
			listen = a.Listen
		}
		host, _, err := net.SplitHostPort(listen)
		out = append(out, secret{"apps." + a.Name + ".accessToken", a.AccessToken, false, a.Enabled && err == nil && !local(host)})
	}
	return slices.DeleteFunc(out, func(s secret) bool { return s.text == "" })
}

// accountHost is the host that an account's token protects.
func accountHost(a *config.Account) string {
	address := a.URL
	switch a.Link {
	case "sse":
		address = a.APIURL
	case "reverse", "http":
		return a.WSHost
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func local(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// samples are tokens that stand in examples: ours, NapCat's and those of frameworks.
func samples() []string {
	return []string{
		"a-long-random-word", "another-random-word", "one-random-word", "t0ken", "token", "access_token", "accesstoken", "access-token", "mytoken", "my-token",
		"your_token", "your-token", "your_access_token", "your-access-token", "yourtoken", "your-napcat-token", "your_napcat_token", "secret", "s3cret", "napcat", "onebot", "catflap", "nonebot", "koishi", "changeme", "password", "admin", "test", "example",
		"123456", "12345678", "123456789", "1234567890", "88888888", "666666", "114514", "xxx", "xxxxxx",
	}
}

func checkTokens(r *Readings, rep *report) {
	if r.Config == nil {
		return
	}
	// The length from which guessing over a network is hopeless, and the one below which it is not.
	const good, bad = 16, 8
	renew := both("write a long random one at both ends: %s", "两端都换成长的随机令牌：%s", "`openssl rand -hex 16`")
	all := secrets(r.Config)
	first := make(map[string]secret)
	for _, s := range all {
		level := Warning
		if s.outside {
			level = Critical
		}
		switch {
		case slices.Contains(samples(), strings.ToLower(s.text)):
			rep.add(level, both("%s is a word out of an example", "%s 是示例里的词", s.key), renew)
		case len(s.text) < bad:
			rep.add(level, both("%s has %d characters: it can be guessed", "%s 只有 %d 个字符，可以猜到", s.key, len(s.text)), renew)
		case len(s.text) < good:
			rep.add(Warning, both("%s has %d characters, %d are better", "%s 只有 %d 个字符，最好不少于 %d 个", s.key, len(s.text), good), renew)
		}
		if was, twice := first[s.text]; twice {
			rep.add(Warning, both("%s and %s are the same: who has one has the other", "%s 与 %s 相同：拿到一个就等于拿到另一个", was.key, s.key),
				both("give each its own", "请各用各的"))
			continue
		}
		first[s.text] = s
	}
	for i := range r.Config.Accounts {
		if a := &r.Config.Accounts[i]; a.AccessToken == "" && a.AllowNoToken {
			rep.add(Warning, both("account %s takes links without a token: any program on this host may pose as NapCat", "账号 %s 不要求令牌：本机任何程序都可以冒充 NapCat", a.Name),
				both("set accessToken and remove allowNoToken", "设置 accessToken 并去掉 allowNoToken"))
		}
	}
	for i := range r.Config.Apps {
		if a := &r.Config.Apps[i]; a.AllowNoToken {
			rep.add(Warning, both("app %s takes links without a token: any program on this host may use the account", "应用 %s 不要求令牌：本机任何程序都可以使用该账号", a.Name),
				both("set accessToken and remove allowNoToken", "设置 accessToken 并去掉 allowNoToken"))
		}
	}
	if len(rep.list) == 0 {
		rep.add(OK, both("tokens are long and different: %d", "令牌足够长且互不相同：%d 个", len(all)), console.Text{})
	}
}
