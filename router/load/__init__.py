"""Loads a router in staging: requests at times that no answer can put off, and a report of what came of them.

    plan      a TOML file, checked whole: whom, how fast, with what
    arrivals  when each request is due: pure, from stages and a seed
    mix       what each request says: pure, from the mix and a seed
    sending   one request over HTTP, and what came of it
    running   the open loop: who is sent when, who has to wait, how it ends
    recording counts and histograms while it runs
    report    what is left of it at the end, as data, which `reporting` makes of the counts; `page` and
              `charts` make HTML of it

Nothing here knows a router from inside, nor the terminal: `router.cli.load` shows what this tells.
"""
