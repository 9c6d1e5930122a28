"""Programs whose fault is known, and healthy ones that look suspicious: what `check` must name, and must not say."""
