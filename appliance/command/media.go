package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/media"
	"github.com/catflap/catflap/store"
)

// Media looks at the media cache and makes room in it.
func (s *Shell) Media() *cli.Command {
	return &cli.Command{
		Name: "media", Usage: "see what the media cache holds, make room in it",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "stats", Usage: "show what the cache holds and what it did",
				UsageText: "catflap media stats\n\nexample: catflap media stats --json",
				Flags:     []cli.Flag{langFlag()}, Action: s.mediaStats,
			}),
			data(&cli.Command{
				Name: "gc", Usage: "remove media older than media.maxAge and what is above media.maxTotalMb",
				UsageText: "catflap media gc [--all] [--yes]\n\nThis happens by itself every hour. --all removes everything that nobody reads just now; it asks on a terminal,\n" +
					"and without one it needs --yes.\n\nexample: catflap media gc",
				Flags: []cli.Flag{langFlag(), &cli.BoolFlag{Name: "all", Usage: "remove everything"},
					&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"}},
				Action: s.mediaGC,
			}),
		},
	}
}

// mediaTexts are the words of `media`, in one language.
type mediaTexts struct {
	holds, quota, today, waiting, reads, fetched, uploads, removed, repaired, skipped, failures, gone, question, nothing string
	trouble, fakeIP                                                                                                      string
	reasons                                                                                                              map[string]string
}

func (s *Shell) mediaTexts(c *cli.Context) mediaTexts {
	if s.language(c) == "zh" {
		return mediaTexts{
			holds: "缓存：%d 个文件，%s，%d 个地址\n", quota: "上限 %s（media.maxTotalMb），已用 %d%%\n", today: "今日写盘 %s，上限 %s（media.maxDailyMb）\n",
			waiting: "正在下载或等待：%d\n", reads: "读取：命中 %d，需下载 %d，共发出 %s\n", fetched: "下载：%d 个，%s\n", uploads: "应用上传：%d\n",
			removed: "已清理：%d\n", repaired: "修复的不一致：%d\n", skipped: "到达时等待过多而未提前下载：%d（有人读取时再下载）\n",
			trouble: "缓存目录不可用：%s（media.dir；每分钟重试）\n", fakeIP: "fake-IP 代理的地址被拒绝：请写 media.allowPrivate: [%s]\n", failures: "未能取得的媒体：\n", gone: "清理了 %d 个文件，%s\n",
			question: "删除缓存中的全部媒体？原链接已失效的无法再取回。[y/N] ", nothing: "没有删除任何内容",
			reasons: map[string]string{
				"too_large": "超过 mediaMaxMb", "half_quota": "超过 media.maxTotalMb 的一半", "daily_limit": "超过 media.maxDailyMb", "busy": "同时太多", "expired": "来源已失效", "refused": "地址被内网保护拒绝（media.allowHosts、media.allowPrivate）",
				"bad_url": "地址不是可下载的链接", "disk": "磁盘或配额已满，或无法写入", "folder": "media.dir 不可用", "index": "索引不可用",
				"napcat_away": "NapCat 未应答", "server": "服务器没有给出文件", "slow": "服务器太慢", "network": "网络错误",
			},
		}
	}
	return mediaTexts{
		holds: "cache: %d files, %s, %d addresses\n", quota: "limit: %s (media.maxTotalMb), %d%% used\n", today: "written today: %s of %s (media.maxDailyMb)\n",
		waiting: "being fetched or waiting: %d\n", reads: "reads: %d found, %d had to be fetched, %s sent\n", fetched: "fetched: %d, %s\n", uploads: "uploaded by apps: %d\n",
		removed: "removed: %d\n", repaired: "files and index made to agree: %d\n", skipped: "not fetched when they came, too many waited: %d (fetched when read)\n",
		trouble: "the folder of the cache cannot be used: %s (media.dir; tried again every minute)\n",
		fakeIP:  "addresses of a fake-IP proxy are refused: write media.allowPrivate: [%s]\n", failures: "media that could not be had:\n", gone: "removed %d files, %s\n",
		question: "Remove all media from the cache? Those whose links have died do not come back. [y/N] ", nothing: "nothing was removed",
		reasons: map[string]string{
			"too_large": "larger than mediaMaxMb", "half_quota": "larger than half of media.maxTotalMb", "daily_limit": "above media.maxDailyMb", "busy": "too many at once", "expired": "gone at their origin",
			"refused": "refused by the guard of the inner network (media.allowHosts, media.allowPrivate)",
			"bad_url": "not a URL that is fetched", "disk": "disk or quota full, or not writable", "folder": "media.dir cannot be used", "index": "the media index cannot be used",
			"napcat_away": "NapCat did not answer", "server": "the server did not give the file", "slow": "the server was too slow", "network": "network",
		},
	}
}

func (s *Shell) mediaStats(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var st console.MediaStats
	printed, err := s.ask(c, needRead, "media", nil, &st)
	if err != nil || printed {
		return err
	}
	t := s.mediaTexts(c)
	fmt.Fprintf(s.Out, t.holds, st.Items, size(st.Bytes), st.Keys)
	if st.QuotaBytes == 0 {
		return nil // nothing runs: nothing was counted
	}
	fmt.Fprintf(s.Out, t.quota, size(st.QuotaBytes), st.Bytes*100/st.QuotaBytes)
	fmt.Fprintf(s.Out, t.today, size(st.SpentBytes), size(st.DailyBytes))
	fmt.Fprintf(s.Out, t.reads, st.Hits, st.Misses, size(st.ServedBytes))
	fmt.Fprintf(s.Out, t.fetched, st.Fetched, size(st.FetchedBytes))
	for _, line := range []struct {
		text string
		n    int64
	}{{t.waiting, int64(st.Waiting)}, {t.uploads, st.Uploads}, {t.removed, st.Evicted}, {t.repaired, st.Repaired}, {t.skipped, st.SkippedQueue}} {
		if line.n > 0 {
			fmt.Fprintf(s.Out, line.text, line.n)
		}
	}
	if st.Trouble != "" {
		fmt.Fprintf(s.Out, t.trouble, clean(st.Trouble))
	}
	if len(st.FakeIP) > 0 {
		fmt.Fprintf(s.Out, t.fakeIP, clean(strings.Join(st.FakeIP, ", ")))
	}
	head := t.failures
	for _, reason := range slices.Sorted(maps.Keys(st.Failures)) {
		n := st.Failures[reason]
		if n == 0 {
			continue
		}
		word := t.reasons[reason]
		if word == "" {
			word = clean(reason)
		}
		fmt.Fprintf(s.Out, "%s  %d %s\n", head, n, word)
		head = ""
	}
	return nil
}

func (s *Shell) mediaGC(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	t := s.mediaTexts(c)
	if c.Bool("all") && !c.Bool("yes") {
		if !isTerminal(s.In) {
			return misuse("--yes removes all media without a question", "media gc --all has no terminal to ask on")
		}
		if !s.confirm(t.question) {
			return failed("", "%s", t.nothing)
		}
	}
	var result console.MediaGCResult
	printed, err := s.tell(c, needWrite, "media/gc", console.MediaGCRequest{All: c.Bool("all")}, &result)
	if err != nil || printed {
		return err
	}
	fmt.Fprintf(s.Out, t.gone, result.Items, strings.TrimSpace(size(result.Bytes)))
	return nil
}

// restingMedia tidies up the cache of an instance that is not running.
func restingMedia(cfg *config.Config, st *store.Store) func(context.Context, bool) (console.MediaGCResult, error) {
	return func(ctx context.Context, all bool) (result console.MediaGCResult, err error) {
		cache, err := media.Open(media.Options{
			Dir: cfg.MediaDir(), Store: st,
			Settings: media.Settings{Total: int64(cfg.Media.MaxTotalMB) << 20, MaxAge: cfg.Media.MaxAge},
		})
		if err != nil {
			return result, err
		}
		defer func() { err = errors.Join(err, cache.Close()) }()
		removed, err := cache.GC(ctx, all)
		return console.MediaGCResult{Items: removed.Items, Bytes: removed.Bytes}, err
	}
}
