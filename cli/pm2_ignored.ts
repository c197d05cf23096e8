/**
 * The fields of PM2's process file that do not count here, and what does
 * instead. `docs/PM2.md` has the same table; a test compares them.
 *
 * @module
 */

const WATCHING = "--watch, and --watch=GLOB, reload when files change";
const BACKOFF =
  "a worker comes back at once, then with a growing delay, and the pool never gives up";
const MONITOR = "that is PM2's own monitoring";

/** Each with the reason, as the end of a sentence. */
export const IGNORED: Readonly<Record<string, string>> = {
  merge_logs:
    "all workers of an app write into one file, --output app-{slot}.log divides them",
  disable_logs: "--output /dev/null does it",
  log_type: "--log json and --output json are for all lines",
  log_date_format: "--log-time says which time is in front of lines",
  time: "--log-time says which time is in front of lines",
  pid_file: "--pid-file is that of the supervisor",
  watch: WATCHING,
  ignore_watch: WATCHING,
  watch_delay: WATCHING,
  watch_options: WATCHING,
  cron_restart:
    "have cron call prefork reload, or recycle workers by --max-age",
  autorestart: "a worker that ends is always replaced",
  stop_exit_codes: "a worker that ends is always replaced",
  min_uptime: BACKOFF,
  max_restarts: BACKOFF,
  restart_delay: BACKOFF,
  exp_backoff_restart_delay: BACKOFF,
  instance_var: "the slot is in NODE_APP_INSTANCE and PREFORK_SLOT",
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
  watch: false,
  instance_var: "NODE_APP_INSTANCE",
  shutdown_with_message: false,
  treekill: true,
  filter_env: false,
  force: false,
  disable_logs: false,
  time: false,
  merge_logs: true,
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
