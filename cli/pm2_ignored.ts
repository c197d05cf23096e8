/**
 * The fields of PM2's process file that do not count here, and what does
 * instead. `docs/PM2.md` has the same table; a test compares them.
 *
 * @module
 */

const WATCHING =
  "a reload begins when files have settled, also where the system tells nothing";
const ENDLESS =
  "a pool never gives up; it is degraded with more than --restarts N/TIME, 5 in 60s unless given";
const BACKOFF =
  "a worker comes back at once, then after waits that double, from 0.1 s to 30 s";
const MONITOR = "that is PM2's own monitoring";

/** Each with the reason, as the end of a sentence. */
export const IGNORED: Readonly<Record<string, string>> = {
  log_type: "--log json and --output json are for all lines",
  log_date_format: "--log-time says which time is in front of lines",
  time: "--log-time says which time is in front of lines",
  pid_file: "--pid-file is that of the supervisor",
  watch_delay: WATCHING,
  watch_options: WATCHING,
  cron_restart:
    "have cron call prefork reload, or recycle workers by --max-age",
  autorestart: "a worker that ends is always replaced",
  stop_exit_codes: "a worker that ends is always replaced",
  min_uptime: ENDLESS,
  max_restarts: ENDLESS,
  restart_delay: BACKOFF,
  exp_backoff_restart_delay: BACKOFF,
  increment_var: "the slot is in NODE_APP_INSTANCE, and all share one port",
  shutdown_with_message:
    "a worker is drained first, and hears SIGTERM when it serves nothing more",
  treekill: "what a worker has started ends with it",
  kill_retry_time: "SIGKILL needs no second one",
  filter_env: "workers get the supervisor's variables, and those of env",
  force: "a pool is not kept from starting by another one with its program",
  namespace: "pools are told apart by their names",
  name_prefix: "pools are told apart by their names",
  append_env_to_name: "pools are told apart by their names",
  source_map_support: "node_args: --enable-source-maps does it",
  disable_source_map_support: "source maps are used where node_args say so",
  execute_command: "interpreter: none does it",
  install_url: "nothing is installed",
  post_update: "nothing is pulled",
  vizion: "no version control is looked at",
  username: "PM2 sets it itself",
  windowsHide: "there are no windows",
  write: "nothing is written",
  pmx: MONITOR,
  automation: MONITOR,
  trace: MONITOR,
  disable_trace: MONITOR,
  v8: MONITOR,
  event_loop_inspector: MONITOR,
  deep_monitoring: MONITOR,
  io: MONITOR,
};

/** Values that ask for what is done anyway, or for nothing. */
export const SILENT: Readonly<Record<string, unknown>> = {
  autorestart: true,
  shutdown_with_message: false,
  treekill: true,
  filter_env: false,
  force: false,
  time: false,
  namespace: "default",
  disable_source_map_support: false,
  source_map_support: false,
  cron_restart: 0,
  vizion: false,
  pmx: false,
  automation: false,
  trace: false,
  disable_trace: true,
  v8: false,
  event_loop_inspector: false,
  deep_monitoring: false,
};
