//! The thread that computes.

use super::error::ApiError;
use super::job::{Asker, Event, Job, Work};
use super::service::Service;
use axia_engine::EngineError;
use axia_engine::generate::{Drawn, Generation, Request};
use axia_engine::kernels::DeviceKernels;
use axia_engine::score::{Reading, Text, TextReader, groups};
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often a thread without work looks whether it is to stop.
const POLL: Duration = Duration::from_millis(100);
/// Distinct tokens of texts that are read together.
const MAX_TOKENS: usize = 2048;
/// How many of them, or of prompts, are computed at once: enough to keep the matrix products
/// efficient.
const STEP: usize = 512;
/// The same while others wait for their next token.
const STEP_BETWEEN: usize = 256;
/// Groups of texts that are read by turns, so that a short text overtakes a long one.
const MAX_READINGS: usize = 4;
/// Most time for which tokens are drawn while texts wait to be read.
const LONGEST_TURN: Duration = Duration::from_millis(500);
/// Respondents that draw at once. A token more in a batch costs little, a batch more costs another
/// look at all weights.
const MAX_BATCHES: usize = 4;

/// All work, in the order it came.
pub(super) struct Worker<'a> {
    service: &'a Service,
    jobs: Receiver<Job>,
    reads: Vec<(Asker, Text)>,
    readings: VecDeque<Group<'a>>,
    waiting: VecDeque<(Asker, Request, Option<usize>)>,
    batches: Vec<Batch<'a>>,
}

/// Texts of one respondent that are read together.
struct Group<'a> {
    reader: TextReader<'a, DeviceKernels>,
    askers: Vec<Asker>,
}

/// Continuations of one respondent that advance together.
struct Batch<'a> {
    generation: Generation<'a, DeviceKernels>,
    member: usize,
    /// In the order of the generation's requests, each with the number of rivals to tell.
    askers: Vec<(Asker, Option<usize>)>,
}

impl<'a> Worker<'a> {
    pub fn new(service: &'a Service, jobs: Receiver<Job>) -> Self {
        let (reads, readings) = (Vec::new(), VecDeque::new());
        let (waiting, batches) = (VecDeque::new(), Vec::new());
        Self { service, jobs, reads, readings, waiting, batches }
    }

    /// Works until the server stops: by turns a part of the texts, and tokens of all continuations
    /// for as long as that took but no longer than [`LONGEST_TURN`], so that neither keeps the other
    /// waiting. What arrives meanwhile is taken in between two tokens.
    pub fn run(mut self) {
        while self.collect() {
            let begin = Instant::now();
            self.read_some();
            let until = Instant::now() + begin.elapsed().min(LONGEST_TURN);
            loop {
                self.begin_batches();
                self.advance();
                self.join();
                let is_over = self.batches.is_empty() || Instant::now() >= until;
                if is_over || !self.take_in() {
                    break;
                }
            }
        }
        let batched = self.batches.drain(..).flat_map(|batch| batch.askers).map(|(asker, _)| asker);
        let waiting = self.waiting.drain(..).map(|(asker, ..)| asker);
        let read = self.readings.drain(..).flat_map(|group| group.askers);
        let reading = read.chain(self.reads.drain(..).map(|(asker, _)| asker));
        let arriving = self.jobs.try_iter().map(|job| job.asker);
        for asker in reading.chain(waiting).chain(batched).chain(arriving) {
            asker.tell(Event::Failed(ApiError::stopping()));
        }
    }

    /// Takes in what has arrived; without work, waits for some, and a little longer for more.
    /// Returns whether to go on.
    fn collect(&mut self) -> bool {
        let under_way = !self.readings.is_empty() || !self.batches.is_empty();
        if self.reads.is_empty() && self.waiting.is_empty() && !under_way {
            match self.jobs.recv_timeout(POLL) {
                Ok(job) => self.accept(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            let until = Instant::now() + self.service.settings.window;
            while !self.reads.is_empty() || !self.waiting.is_empty() {
                match self.jobs.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(job) => self.accept(job),
                    Err(_) => break,
                }
            }
        }
        self.take_in()
    }

    /// Takes in what has arrived, and lets go of what nobody waits for. Returns whether to go on.
    fn take_in(&mut self) -> bool {
        while let Ok(job) = self.jobs.try_recv() {
            self.accept(job);
        }
        self.reads.retain(|(asker, _)| !asker.is_abandoned());
        self.waiting.retain(|(asker, ..)| !asker.is_abandoned());
        !self.service.stop.load(Ordering::SeqCst)
    }

    fn accept(&mut self, Job { asker, work }: Job) {
        match work {
            Work::Read(text) => self.reads.push((asker, text)),
            Work::Continue(request, top) => self.waiting.push_back((asker, request, top)),
        }
    }

    /// Reads a part of a group of texts, of another one each time.
    fn read_some(&mut self) {
        if self.readings.len() < MAX_READINGS {
            self.begin_reading();
        }
        let is_alone = self.batches.is_empty() && self.waiting.is_empty();
        let most = if is_alone { STEP } else { STEP_BETWEEN };
        let Some(mut group) = self.readings.pop_front() else { return };
        if group.askers.iter().all(Asker::is_abandoned) {
            return;
        }
        match group.reader.step(most) {
            Ok(true) => self.readings.push_back(group),
            Ok(false) => {
                for (asker, readings) in group.askers.iter().zip(group.reader.finish()) {
                    asker.tell(Event::Read(readings));
                }
            }
            Err(error) => fail(group.askers.iter(), error),
        }
    }

    /// Begins to read the oldest text, with those of the same respondent that begin like it.
    fn begin_reading(&mut self) {
        let Some((first, _)) = self.reads.first() else { return };
        let member = first.member;
        let same = |(asker, _): &(Asker, Text)| asker.member == member;
        let indices: Vec<usize> = (0..self.reads.len()).filter(|&i| same(&self.reads[i])).collect();
        let texts: Vec<&[u32]> = indices.iter().map(|&i| &*self.reads[i].1.tokens).collect();
        let Some(group) = self.group(&texts) else {
            return;
        };
        let mut chosen = vec![false; self.reads.len()];
        group.into_iter().for_each(|member| chosen[indices[member]] = true);
        let mut is_chosen = chosen.into_iter();
        let taken = self.reads.extract_if(.., |_| is_chosen.next() == Some(true));
        let (askers, texts): (Vec<Asker>, Vec<Text>) = taken.unzip();
        let members = &self.service.members;
        match TextReader::new(members.model().decoder(), members.adapter(member), texts) {
            Ok(reader) => self.readings.push_back(Group { reader, askers }),
            Err(error) => fail(askers.iter(), error),
        }
    }

    /// The first of `texts` with those that are best read with it.
    fn group(&self, texts: &[&[u32]]) -> Option<Vec<usize>> {
        let config = self.service.members.model().decoder().config();
        groups(texts, config, MAX_TOKENS).into_iter().find(|group| group.contains(&0))
    }

    /// Begins batches of what waits, oldest first, while there is room.
    fn begin_batches(&mut self) {
        while let Some((first, request, _)) = self.waiting.front() {
            let (member, least) = (first.member, tokens(request));
            let joins = self.batches.iter().any(|batch| batch.member == member);
            let most = self.service.settings.cache_tokens;
            // One that fits nowhere runs alone.
            let fits = |used: usize| used == 0 || used + least <= most;
            if (self.batches.len() >= MAX_BATCHES && !joins) || !fits(self.tokens_in_use()) {
                return;
            }
            if !fits(self.tokens_held()) {
                self.batches.iter_mut().for_each(Batch::shrink);
            }
            let room = most.max(least).saturating_sub(self.tokens_held());
            if room < least {
                return;
            }
            self.begin_batch(member, room);
        }
    }

    /// Tokens that there is a place for.
    fn tokens_held(&self) -> usize {
        self.batches.iter().map(|batch| batch.generation.tokens()).sum()
    }

    /// Tokens that continuations on their way have use for.
    fn tokens_in_use(&self) -> usize {
        self.batches.iter().map(|batch| batch.generation.tokens_in_use()).sum()
    }

    /// Begins a batch of the respondent `member` with at most `room` tokens.
    fn begin_batch(&mut self, member: usize, room: usize) {
        let (mut askers, mut requests, mut left) = (Vec::new(), Vec::new(), VecDeque::new());
        let mut used = 0;
        let config = self.service.members.model().decoder().config();
        let reach = |request: &Request| config.reach(request.prompt.len());
        let first = self.waiting.front().map(|(_, request, _)| reach(request));
        for (asker, request, top) in self.waiting.drain(..) {
            let fits = asker.member == member && used + tokens(&request) <= room;
            if fits && Some(reach(&request)) == first {
                used += tokens(&request);
                askers.push((asker, top));
                requests.push(request);
            } else {
                left.push_back((asker, request, top));
            }
        }
        self.waiting = left;
        let members = &self.service.members;
        match Generation::new(members.plain(), members.adapter(member), requests) {
            Ok(generation) => self.batches.push(Batch { generation, member, askers }),
            Err(error) => fail(askers.iter().map(|(asker, _)| asker), error),
        }
    }

    /// Draws the next token of every continuation whose prompt is computed, and computes a part of
    /// the other prompts.
    fn advance(&mut self) {
        let service = self.service;
        let is_alone = self.batches.len() <= 1 && self.readings.is_empty();
        let most = if is_alone { STEP } else { STEP_BETWEEN };
        self.batches.retain_mut(|batch| match batch.step(most) {
            Ok(running) => running,
            Err(error) => {
                fail(batch.askers.iter().map(|(asker, _)| asker), explain(service, error));
                false
            }
        });
    }

    /// Lets the continuations of a respondent go on together.
    fn join(&mut self) {
        let mut apart: Vec<Batch<'a>> = Vec::with_capacity(self.batches.len());
        for batch in self.batches.drain(..) {
            let mut left = Some(batch);
            for into in &mut apart {
                left = left.and_then(|batch| into.absorb(batch));
            }
            apart.extend(left);
        }
        self.batches = apart;
    }
}

impl<'a> Batch<'a> {
    /// Takes over what `other` does, or gives it back.
    fn absorb(&mut self, other: Self) -> Option<Self> {
        let Self { generation, member, askers } = other;
        match self.generation.absorb(generation) {
            Ok([own, others]) => {
                self.askers = chosen(mem::take(&mut self.askers), &own);
                self.askers.extend(chosen(askers, &others));
                None
            }
            Err(generation) => Some(Self { generation: *generation, member, askers }),
        }
    }

    /// Forgets what has ended.
    fn shrink(&mut self) {
        let kept = self.generation.shrink();
        self.askers = chosen(mem::take(&mut self.askers), &kept);
    }

    /// Returns whether any continuation is still running.
    fn step(&mut self, most: usize) -> Result<bool, EngineError> {
        let Self { generation, askers, .. } = self;
        for (index, (asker, _)) in askers.iter().enumerate() {
            if asker.is_abandoned() {
                generation.end(index);
            }
        }
        generation.step(most, |drawn| match askers.get(drawn.request) {
            Some((asker, top)) => tell(asker, *top, drawn),
            None => false,
        })
    }
}

/// Those of `all` with these `indices`, which ascend.
fn chosen<T>(all: Vec<T>, indices: &[usize]) -> Vec<T> {
    let all = all.into_iter().enumerate();
    all.filter(|(index, _)| indices.binary_search(index).is_ok()).map(|(_, one)| one).collect()
}

/// Tells a token; returns whether more are wanted.
fn tell(asker: &Asker, top: Option<usize>, drawn: Drawn) -> bool {
    let Drawn { token, is_end, logits, .. } = drawn;
    let reading = top.and_then(|top| Reading::of(logits, token, top));
    asker.tell(Event::Drawn { token, is_end, reading });
    !asker.is_abandoned()
}

/// Tokens of memory that a continuation may come to need.
fn tokens(request: &Request) -> usize {
    request.prompt.len() + request.max_tokens
}

fn fail<'j>(askers: impl Iterator<Item = &'j Asker>, error: EngineError) {
    let error = ApiError::failed(error.to_string());
    askers.for_each(|asker| asker.tell(Event::Failed(error.clone())));
}

/// Plain weights have no names: it is the file's that can be blamed for a NaN.
fn explain(service: &Service, error: EngineError) -> EngineError {
    match error {
        EngineError::NonFinite { what } => service.members.model().decoder().non_finite(&what),
        other => other,
    }
}
