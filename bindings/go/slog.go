//go:build go1.21

package imgrel

import (
	"context"
	"encoding/json"
	"log/slog"
)

// LogTo gives records to a logger: NewWithLog(config, LogTo(slog.Default())).
func LogTo(l *slog.Logger) func(LogRecord) {
	levels := map[int]slog.Level{1: slog.LevelError, 2: slog.LevelWarn, 3: slog.LevelInfo, 4: slog.LevelDebug}
	return func(r LogRecord) {
		var fields map[string]any
		_ = json.Unmarshal(r.Fields, &fields)
		attrs := []slog.Attr{slog.String("component", r.Component)}
		for k, v := range fields {
			attrs = append(attrs, slog.Any(k, v))
		}
		l.LogAttrs(context.Background(), levels[r.Level], r.Message, attrs...)
	}
}
