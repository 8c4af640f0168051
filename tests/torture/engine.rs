//! Engines of the harness's own: each lives in namespaces of its own (processes, mounts, network, host name), with its
//! state in memory. They end with the harness however that ends, and the machine's engine never hears of them.

use crate::api::Api;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long an engine may take to come up, and to end.
const PATIENCE: Duration = Duration::from_secs(90);
/// What the first process of the namespaces does: it makes the mounts, tells that it is ready, and adopts orphans.
const INIT: &str = r#"set -e
hostname "$1"; mount -t tmpfs tmpfs /run; mount -t tmpfs -o "size=$3" tmpfs "$2/data"; ip link set lo up; touch "$2/ready"
while :; do sleep 3600; done"#;

/// Takes away every bridge and rule of the namespace.
const FORGET: &str = r#"for link in $(ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/\1/'); do ip link del "$link"; done
iptables -F; iptables -t nat -F"#;

/// What an engine is made of.
#[derive(Clone)]
pub struct Kind {
    /// Folders with `dockerd` and what it calls, besides those of the machine.
    pub programs: Option<PathBuf>,
    /// Size of its state, such as `2g`.
    pub size: &'static str,
    /// Archive of images to begin with.
    pub images: PathBuf,
}

/// A running engine.
pub struct Engine {
    /// Its name.
    pub name: String,
    /// Folder with its socket, state and log.
    pub dir: PathBuf,
    /// The harness's own access.
    pub api: Api,
    kind: Kind,
    /// The third part of its address.
    number: u8,
    /// Keeps the namespaces: they end with it.
    holder: Child,
    /// The first process in the namespaces.
    init: String,
    daemon: Mutex<Option<Child>>,
}

/// How an engine is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It is asked to.
    Term,
    /// It is not.
    Kill,
}

static NEXT: AtomicU8 = AtomicU8::new(0);

impl Engine {
    /// Makes namespaces below a folder and starts an engine in them.
    pub fn start(run: &Path, name: &str, kind: &Kind) -> Result<Self, String> {
        let dir = run.join(name);
        fs::create_dir_all(dir.join("data")).map_err(|error| error.to_string())?;
        let log = File::create(dir.join("init.log")).map_err(|error| error.to_string())?;
        // The harness's own death, of whatever cause, is the end of all.
        let mut holder = Command::new("setpriv");
        holder.args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount"]);
        holder.args(["--mount-proc", "--net", "--uts", "bash", "-c", INIT, "_", name]);
        holder.arg(&dir).arg(kind.size);
        let holder = holder.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let holder = holder.map_err(|error| format!("setpriv or unshare: {error}"))?;
        let api = Api { socket: dir.join("docker.sock") };
        let mut engine = Self {
            name: name.to_owned(),
            api,
            kind: kind.clone(),
            number: 0,
            holder,
            init: String::new(),
            daemon: Mutex::default(),
            dir,
        };
        engine.wait_ready()?;
        engine.connect()?;
        engine.try_up(false)?;
        engine.load(&kind.images)?;
        Ok(engine)
    }

    fn wait_ready(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        while !self.dir.join("ready").exists() {
            let ended = self.holder.try_wait().is_ok_and(|ended| ended.is_some());
            if ended || begin.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.dir.join("init.log")).unwrap_or_default();
                return Err(format!("no namespaces for an engine (root is needed): {log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let id = self.holder.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        children.map_err(|error| error.to_string())?.trim().clone_into(&mut self.init);
        Ok(())
    }

    /// A cable between the machine and the namespace. No rule or route of the machine changes.
    fn connect(&mut self) -> Result<(), String> {
        let id = std::process::id();
        for _ in 0..250 {
            self.number = NEXT.fetch_add(1, Ordering::Relaxed) % 250;
            let cable = format!("rt{id}.{}", self.number);
            let taken = run(Command::new("ip").args(["-o", "addr"]))?;
            if taken.contains(&format!(" {}/", self.near())) {
                continue;
            }
            let far = format!("{}/30", self.address(0).ip());
            let words = ["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &self.init];
            run(Command::new("ip").args(words))?;
            run(Command::new("ip").args(["addr", "add", &format!("{}/30", self.near()), "dev", &cable]))?;
            run(Command::new("ip").args(["link", "set", &cable, "up"]))?;
            run(self.inside("ip").args(["addr", "add", &far, "dev", "eth0"]))?;
            run(self.inside("ip").args(["link", "set", "eth0", "up"]))?;
            run(self.inside("ip").args(["route", "add", "default", "via", &self.near()]))?;
            return Ok(());
        }
        Err("no free address for an engine".to_owned())
    }

    fn near(&self) -> String {
        format!("10.213.{}.1", self.number)
    }

    /// Where a published port is reached from the machine.
    pub fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 213, self.number, 2], port))
    }

    /// What to put into `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.api.socket.display())
    }

    /// A command in the engine's namespaces.
    pub fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init, "--pid", "--mount", "--net", "--uts", "--", program]);
        command.stdin(Stdio::null());
        command
    }

    /// A command of Docker's own client.
    pub fn docker(&self, args: &[&str]) -> Result<String, String> {
        run(Command::new("docker").arg("--host").arg(self.host()).args(args).stdin(Stdio::null()))
    }

    /// A name for control groups that no other engine has.
    fn group(&self) -> String {
        format!("reconcile-torture-{}-{}", std::process::id(), self.name)
    }

    fn daemon(&self) -> MutexGuard<'_, Option<Child>> {
        self.daemon.lock().expect("nobody panics while holding it")
    }

    /// Starts the daemon. Whether it came up by itself: an engine of version 20.10 that is killed while it makes a network
    /// panics at every start from then on. What helps is to take its record of networks away, and what it no longer knows
    /// of them: bridges with the same addresses, and rules that lead there.
    pub fn up(&self, live_restore: bool) -> Result<bool, String> {
        let Err(error) = self.try_up(live_restore) else { return Ok(true) };
        self.await_end()?;
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        if !log.contains("libnetwork.(*controller).reservePools") {
            return Err(error);
        }
        let record = self.dir.join("data/network/files/local-kv.db");
        run(self.inside("rm").arg(record))?;
        run(self.inside("sh").args(["-c", FORGET]))?;
        drop(fs::remove_file(self.dir.join("log")));
        self.try_up(live_restore).map(|()| false)
    }

    fn try_up(&self, live_restore: bool) -> Result<(), String> {
        let text = format!("{{\"live-restore\": {live_restore}}}");
        fs::write(self.dir.join("daemon.json"), text).map_err(|error| error.to_string())?;
        // What a killed one leaves behind may name a process that is another one by now.
        drop(fs::remove_file(self.dir.join("pid")));
        let log = File::options().create(true).append(true).open(self.dir.join("log"));
        let log = log.map_err(|error| error.to_string())?;
        let mut command = self.inside("dockerd");
        if let Some(programs) = &self.kind.programs {
            let path = std::env::var("PATH").unwrap_or_default();
            let (own, more) = (programs.join("usr/sbin"), programs.join("usr/bin"));
            command.env("PATH", format!("{}:{}:{path}", own.display(), more.display()));
        }
        for (option, file) in [
            ("--config-file", "daemon.json"),
            ("--data-root", "data"),
            ("--exec-root", "exec"),
            ("--pidfile", "pid"),
        ] {
            command.arg(option).arg(self.dir.join(file));
        }
        command.args(["--host", &self.host(), "--cgroup-parent", &format!("/{}", self.group())]);
        let other = log.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdout(other).stderr(log).spawn().map_err(|error| error.to_string())?;
        *self.daemon() = Some(child);
        let begin = Instant::now();
        while !self.api.is_up() {
            let ended =
                self.daemon().as_mut().is_none_or(|child| child.try_wait().is_ok_and(|end| end.is_some()));
            if ended || begin.elapsed() > PATIENCE {
                return Err(format!("engine {} does not come up; see {}/log", self.name, self.dir.display()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Ends the daemon, and waits for its end.
    pub fn down(&self, signal: Signal) -> Result<(), String> {
        self.signal(signal)?;
        self.await_end()
    }

    /// Sends the daemon a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), String> {
        let word = if signal == Signal::Kill { "KILL" } else { "TERM" };
        let line = format!("kill -{word} \"$(cat {}/pid)\"", self.dir.display());
        run(self.inside("sh").args(["-c", &line])).map(drop)
    }

    /// Waits for the daemon's end.
    pub fn await_end(&self) -> Result<(), String> {
        let Some(mut child) = self.daemon().take() else { return Ok(()) };
        let begin = Instant::now();
        while child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if begin.elapsed() > PATIENCE {
                return Err(format!("engine {} does not end", self.name));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn load(&self, images: &Path) -> Result<(), String> {
        self.docker(&["load", "-q", "-i", &images.to_string_lossy()]).map(drop)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
        if let Some(mut daemon) = self.daemon().take() {
            drop(daemon.wait());
        }
        // The last process of a group may take a moment to be gone.
        for _ in 0..50 {
            if remove_groups(&self.group()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Removes control groups of a name from every hierarchy; whether none is left.
fn remove_groups(name: &str) -> bool {
    let Ok(hierarchies) = fs::read_dir("/sys/fs/cgroup") else { return true };
    let tops = std::iter::once(PathBuf::from("/sys/fs/cgroup"))
        .chain(hierarchies.flatten().map(|found| found.path()))
        .map(|hierarchy| hierarchy.join(name));
    let found: Vec<PathBuf> = tops.filter(|group| group.is_dir()).collect();
    for group in &found {
        remove_group(group);
    }
    !found.iter().any(|group| group.is_dir())
}

fn remove_group(group: &Path) {
    for below in fs::read_dir(group).into_iter().flatten().flatten() {
        if below.path().is_dir() {
            remove_group(&below.path());
        }
    }
    drop(fs::remove_dir(group));
}

/// Runs a command to its end; its output, or what went wrong.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let line: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    Err(format!(
        "{} {}: {}",
        command.get_program().to_string_lossy(),
        line.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
