//! Random stacks, and random edits of them as their owner might make.

use super::random::Random;
use super::typed;
use reconcile::model::desired::DesiredState;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Whether one of so many cases comes about.
pub fn one_in(random: &mut Random, cases: usize) -> bool {
    random.below(cases) == 0
}

/// Stacks of a source.
const STACKS: usize = 3;
/// Services of a stack; the last of them are jobs. Some are switched off, so there are twelve or more most of the time.
const SERVICES: usize = 6;
const JOBS: usize = 1;

/// How a service depends on another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    healthy: bool,
    restart: bool,
}

#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
struct Service {
    is_off: bool,
    image: usize,
    level: usize,
    replicas: usize,
    has_check: bool,
    needs: [Option<Need>; SERVICES],
    joins: bool,
    networks: usize,
    slot: Option<usize>,
    is_named: bool,
    volume: usize,
    has_hooks: bool,
}

#[derive(Debug, Clone, Default)]
struct Stack {
    is_off: bool,
    subnet: usize,
    has_pre_deploy: bool,
    services: [Service; SERVICES],
}

/// All stacks of a source.
#[derive(Debug, Clone, Default)]
pub struct Source {
    stacks: [Stack; STACKS],
    /// The service whose containers never get healthy.
    sick: Option<(usize, usize)>,
}

impl Service {
    fn random(random: &mut Random, number: usize) -> Self {
        let mut service = Self::default();
        for field in 0..FIELDS {
            service.edit(random, number, field);
        }
        service
    }

    /// Gives one field another value.
    fn edit(&mut self, random: &mut Random, number: usize, field: usize) {
        match field {
            0 => self.image = random.below(4),
            1 => self.level = random.below(4),
            2 => self.replicas = *random.pick(&[1, 1, 1, 2, 3, 0]),
            3 => self.has_check = !one_in(random, 3),
            4 => {
                for need in &mut self.needs[..number] {
                    let drawn = Need { healthy: one_in(random, 2), restart: one_in(random, 3) };
                    *need = one_in(random, 3).then_some(drawn);
                }
            }
            5 => self.joins = one_in(random, 6),
            6 => self.networks = random.below(5),
            7 => self.slot = one_in(random, 3).then(|| random.below(SERVICES)),
            8 => self.is_named = one_in(random, 5),
            9 => self.volume = random.below(6),
            10 => self.has_hooks = one_in(random, 5),
            _ => self.is_off = one_in(random, 8),
        }
    }
}

/// Number of a service's fields.
const FIELDS: usize = 12;

/// Fields by which ports and names pass from one service to another: while one of two has failed to hand over, there is
/// no way back for the other.
const HAND_OVER: [usize; 2] = [7, 8];

const fn is_job(number: usize) -> bool {
    number >= SERVICES - JOBS
}

impl Source {
    /// Stacks out of nothing.
    pub fn random(random: &mut Random) -> Self {
        let mut source = Self::default();
        for stack in &mut source.stacks {
            stack.subnet = random.below(2);
            stack.has_pre_deploy = one_in(random, 4);
            for (number, service) in stack.services.iter_mut().enumerate() {
                *service = Service::random(random, number);
            }
        }
        source
    }

    /// The same with a few edits. `hands_over` allows those by which a port or a name passes from one service to
    /// another.
    pub fn edited(&self, random: &mut Random, hands_over: bool) -> Self {
        let mut source = self.clone();
        for _ in 0..=random.below(6) {
            let stack = &mut source.stacks[random.below(STACKS)];
            match random.below(16) {
                0 => stack.subnet = 1 - stack.subnet,
                1 => stack.has_pre_deploy = !stack.has_pre_deploy,
                2 => stack.is_off = one_in(random, 3),
                _ => {
                    let number = random.below(SERVICES);
                    let field = random.below(FIELDS);
                    // Switching a service off frees what it held, too.
                    let is_move = HAND_OVER.contains(&field) || matches!(field, 2 | 5) || field == FIELDS - 1;
                    if hands_over || !is_move {
                        stack.services[number].edit(random, number, field);
                    }
                }
            }
        }
        source
    }

    /// Stack and number of every service that has a health check and runs.
    pub fn checked(&self) -> Vec<(usize, usize)> {
        let all = self.stacks.iter().enumerate().filter(|(_, stack)| !stack.is_off);
        all.flat_map(|(at, stack)| {
            let services = stack.services.iter().enumerate();
            services
                .filter(|(number, service)| {
                    !service.is_off && service.has_check && service.replicas > 0 && !is_job(*number)
                })
                .map(move |(number, _)| (at, number))
        })
        .collect()
    }

    /// The same, but containers of one service never get healthy.
    pub fn with_sick(&self, place: (usize, usize)) -> Self {
        Self { sick: Some(place), ..self.clone() }
    }

    /// Names of a stack and its service.
    pub fn name((stack, service): (usize, usize)) -> (String, String) {
        (format!("s{stack}"), format!("v{service}"))
    }

    /// As the loader would give it.
    pub fn desired(&self) -> DesiredState {
        typed::state(&self.text())
    }

    /// As the cases of the planner are written.
    pub fn text(&self) -> String {
        let mut text = String::from("stacks:\n");
        for (at, stack) in self.stacks.iter().enumerate().filter(|(_, stack)| !stack.is_off) {
            let _ = writeln!(text, "  s{at}:");
            if stack.has_pre_deploy && !stack.services[SERVICES - 1].is_off {
                let stopped: Vec<String> = (0..2)
                    .filter(|number| !stack.services[*number].is_off)
                    .map(|number| format!("v{number}"))
                    .collect();
                let _ = writeln!(text, "    pre_deploy: {{v{}: [{}]}}", SERVICES - 1, stopped.join(", "));
            }
            let _ = writeln!(
                text,
                "    networks: {{default: {{subnets: [10.{at}.{}.0/24]}}}}\n    services:",
                stack.subnet
            );
            let mut taken = BTreeSet::new();
            for (number, service) in stack.services.iter().enumerate().filter(|(_, service)| !service.is_off)
            {
                let lines = self.lines((at, number), stack, service, &mut taken);
                let _ = writeln!(text, "      v{number}:\n        {}", lines.join("\n        "));
            }
        }
        text
    }

    fn lines(
        &self,
        place: (usize, usize),
        stack: &Stack,
        service: &Service,
        taken: &mut BTreeSet<usize>,
    ) -> Vec<String> {
        let (at, number) = place;
        let image = match is_job(number) {
            true => "job-ok",
            false if self.sick == Some(place) => "unhealthy",
            false => "app",
        };
        let mut lines = vec![
            format!("image: {image}:{}", service.image),
            format!("replicas: {}", service.replicas),
            format!("job: {}", is_job(number)),
            format!("environment: {{LEVEL: '{}'}}", service.level),
        ];
        if service.has_check && !is_job(number) {
            lines.push("healthcheck: {test: [CMD, ok]}".to_owned());
        }
        let (mut depends_on, mut parent) = (Vec::new(), None);
        // What stops for a job before the deployment cannot be needed by it.
        let needs = service.needs.iter().enumerate().filter(|_| !(is_job(number) && stack.has_pre_deploy));
        for (other, need) in needs.filter_map(|(other, need)| Some((other, (*need)?))) {
            let found = &stack.services[other];
            if found.is_off {
                continue;
            }
            let condition = match (is_job(other), need.healthy && found.has_check) {
                (true, _) => "completed",
                (false, true) => "healthy",
                (false, false) => "started",
            };
            depends_on.push(format!("v{other}: {{condition: {condition}, restart: {}}}", need.restart));
            if service.joins && !is_job(other) && !is_job(number) && found.replicas > 0 {
                parent = Some(other);
            }
        }
        lines.push(format!("depends_on: {{{}}}", depends_on.join(", ")));
        match (parent, service.networks) {
            (Some(parent), _) => lines.push(format!("network_mode: service:v{parent}")),
            (None, 1) => lines.push("networks: {default: null, back: {aliases: [x]}}".to_owned()),
            (None, 2) => lines.push("networks: {back: null}".to_owned()),
            (None, _) => {}
        }
        if let (Some(slot), true, None) = (service.slot, service.replicas <= 1, parent)
            && taken.insert(slot)
        {
            let port = 8000 + at * 10 + slot;
            lines.push(format!("ports: [{{target: 80, published: '{port}', protocol: tcp}}]"));
            if service.is_named {
                lines.push(format!("container_name: c{port}"));
            }
        }
        match service.volume {
            1 => lines.push("volumes: [{type: volume, source: a, target: /data}]".to_owned()),
            2 => lines.push("volumes: [{type: volume, source: b, target: /data}]".to_owned()),
            3 => {
                lines.push("volumes: [{type: volume, source: b, target: /data}]".to_owned());
                lines.push("allow_empty_volume: true".to_owned());
            }
            4 => lines.push("volumes: [{type: volume, target: /data}]".to_owned()),
            _ => {}
        }
        if service.has_hooks && !is_job(number) {
            lines.push("files: [/etc/motd]".to_owned());
            lines.push("post_start: [{command: [init]}]".to_owned());
            lines.push("pre_stop: [{command: [bye]}]".to_owned());
        }
        lines
    }
}
