// The style element that htmx would add is one that the Content-Security-Policy refuses; nothing here uses its indicators.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
