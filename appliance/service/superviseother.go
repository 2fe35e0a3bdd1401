//go:build !windows

package service

import "context"

// Supervise runs the hub under the service manager's rules. Here they are signals, which ctx stands for already.
func Supervise(ctx context.Context, run func(context.Context) error) error { return run(ctx) }
