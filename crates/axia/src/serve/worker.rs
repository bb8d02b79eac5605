//! The thread that computes.

use super::members::{Asker, Event, Job, Work};
use super::routes::ApiError;
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
const STEP: usize = 1024;
/// The same while others wait for their next token.
const STEP_BETWEEN: usize = 256;
/// Groups of texts longer than a step that are read by turns, and batches of such prompts that are
/// begun by turns. Beside them there is one of shorter ones, which overtakes them; what comes
/// meanwhile is better gathered for the next: each has its own look at all weights, and computes
/// beginnings that others share.
const MAX_LONG: usize = 2;
/// Most time for which tokens are drawn while texts or prompts wait to be computed.
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
    /// Batches whose prompts are computed.
    beginning: VecDeque<Batch<'a>>,
    /// Batches that draw, one of a respondent as a rule.
    drawing: Vec<Batch<'a>>,
}

/// Texts of one respondent that are read together.
struct Group<'a> {
    reader: TextReader<'a, DeviceKernels>,
    askers: Vec<Asker>,
}

impl Group<'_> {
    fn is_long(&self) -> bool {
        is_long(self.reader.longest_text())
    }

    /// The group with at most `most` tokens more read; nothing when it is done or nobody waits.
    fn step(mut self, most: usize) -> Option<Self> {
        if self.askers.iter().all(Asker::is_abandoned) {
            return None;
        }
        match self.reader.step(most) {
            Ok(true) => return Some(self),
            Ok(false) => {
                for (asker, readings) in self.askers.iter().zip(self.reader.finish()) {
                    asker.tell(Event::Read(readings));
                }
            }
            Err(error) => fail(self.askers.iter(), error),
        }
        None
    }
}

impl<'a> Worker<'a> {
    pub fn new(service: &'a Service, jobs: Receiver<Job>) -> Self {
        let (reads, readings) = (Vec::new(), VecDeque::new());
        let (waiting, beginning, drawing) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Self { service, jobs, reads, readings, waiting, beginning, drawing }
    }

    /// Works until the server stops: by turns a part of the texts and of the prompts, and tokens of
    /// all continuations for as long as that took but no longer than [`LONGEST_TURN`], so that neither
    /// keeps the other waiting. What arrives meanwhile is taken in between two tokens.
    pub fn run(mut self) {
        while self.collect() {
            let begin = Instant::now();
            self.begin_batches();
            self.begin_some();
            self.read_some();
            let until = Instant::now() + begin.elapsed().min(LONGEST_TURN);
            while !self.drawing.is_empty() {
                self.draw();
                if Instant::now() >= until || !self.take_in() {
                    break;
                }
            }
        }
        let batches = self.beginning.into_iter().chain(self.drawing);
        let batched = batches.flat_map(|batch| batch.askers).map(|(asker, _)| asker);
        let waiting = self.waiting.into_iter().map(|(asker, ..)| asker);
        let read = self.readings.into_iter().flat_map(|group| group.askers);
        let reading = read.chain(self.reads.into_iter().map(|(asker, _)| asker));
        let arriving = self.jobs.try_iter().map(|job| job.asker);
        for asker in reading.chain(waiting).chain(batched).chain(arriving) {
            asker.tell(Event::Failed(ApiError::stopping()));
        }
    }

    /// Takes in what has arrived; without work, waits for some, and a little longer for more.
    /// Returns whether to go on.
    fn collect(&mut self) -> bool {
        let batches = self.beginning.len() + self.drawing.len();
        if self.reads.is_empty() && self.waiting.is_empty() && self.readings.len() + batches == 0 {
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

    /// Reads a part of the short texts, and of a group of long ones, of another each time.
    fn read_some(&mut self) {
        self.begin_reading();
        let most = self.step_size();
        for is_long in [false, true] {
            let place = self.readings.iter().position(|group| group.is_long() == is_long);
            let group = place.and_then(|place| self.readings.remove(place));
            self.readings.extend(group.and_then(|group| group.step(most)));
        }
    }

    /// Most tokens of texts or prompts to compute at once.
    fn step_size(&self) -> usize {
        if self.drawing.is_empty() { STEP } else { STEP_BETWEEN }
    }

    /// Begins to read the oldest text that there is room for, with those of the same respondent that
    /// begin like it.
    fn begin_reading(&mut self) {
        let Some(first) = self.next_to_read() else { return };
        let (asker, text) = &self.reads[first];
        let (member, is_long) = (asker.member, is_long(text.tokens.len()));
        let same = |(asker, text): &(Asker, Text)| {
            asker.member == member && self::is_long(text.tokens.len()) == is_long
        };
        let later = first..self.reads.len();
        let indices: Vec<usize> = later.filter(|&i| same(&self.reads[i])).collect();
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

    /// The oldest text that may be read now: a short one where no short ones are being read, or a long
    /// one where few are, and what they keep is no more than replies may.
    fn next_to_read(&self) -> Option<usize> {
        let oldest =
            |long: bool| self.reads.iter().position(|(_, text)| is_long(text.tokens.len()) == long);
        let long = oldest(true).filter(|&index| {
            let read = self.readings.iter().filter(|group| group.is_long());
            let kept: usize = read.clone().map(|group| group.reader.tokens()).sum();
            let all = kept + self.reads[index].1.tokens.len();
            kept == 0 || (read.count() < MAX_LONG && all <= self.service.settings.cache_tokens)
        });
        let is_free = self.readings.iter().all(|group| group.is_long());
        long.into_iter().chain(oldest(false).filter(|_| is_free)).min()
    }

    /// The first of `texts` with those that are best read with it.
    fn group(&self, texts: &[&[u32]]) -> Option<Vec<usize>> {
        let config = self.service.members.model().decoder().config();
        groups(texts, config, MAX_TOKENS).into_iter().find(|group| group.contains(&0))
    }

    /// Begins batches of what waits, oldest first, while there is room.
    fn begin_batches(&mut self) {
        while let Some(first) = self.next_to_begin() {
            let (asker, request, _) = &self.waiting[first];
            let (member, least) = (asker.member, tokens(request));
            let joins = self.batches().any(|batch| batch.member == member);
            let most = self.service.settings.cache_tokens;
            // One that fits nowhere runs alone.
            let fits = |used: usize| used == 0 || used + least <= most;
            let is_full = self.batches().count() >= MAX_BATCHES && !joins;
            if is_full || !fits(self.tokens_in_use()) {
                return;
            }
            if !fits(self.tokens_held()) {
                self.drawing.iter_mut().for_each(Batch::shrink);
            }
            let room = most.max(least).saturating_sub(self.tokens_held());
            if room < least {
                return;
            }
            self.begin_batch(first, room);
        }
    }

    /// The oldest continuation whose batch may begin now: one with a short prompt where no batch of
    /// such is beginning, or with a long one where few are.
    fn next_to_begin(&self) -> Option<usize> {
        let oldest = |long: bool| {
            self.waiting.iter().position(|(_, request, _)| is_long(request.prompt.len()) == long)
        };
        let long = self.beginning.iter().filter(|batch| has_long(batch)).count();
        let few = oldest(true).filter(|_| long < MAX_LONG);
        let free = oldest(false).filter(|_| long == self.beginning.len());
        few.into_iter().chain(free).min()
    }

    fn batches(&self) -> impl Iterator<Item = &Batch<'a>> {
        self.beginning.iter().chain(&self.drawing)
    }

    /// Tokens that there is a place for.
    fn tokens_held(&self) -> usize {
        self.batches().map(|batch| batch.generation.tokens()).sum()
    }

    /// Tokens that continuations on their way have use for; while prompts are computed, places
    /// cannot be given up.
    fn tokens_in_use(&self) -> usize {
        let beginning = self.beginning.iter().map(|batch| batch.generation.tokens());
        beginning.chain(self.drawing.iter().map(|batch| batch.generation.tokens_in_use())).sum()
    }

    /// Begins a batch of the `first` that waits with others like it, of at most `room` tokens.
    fn begin_batch(&mut self, first: usize, room: usize) {
        let (mut askers, mut requests, mut left) = (Vec::new(), Vec::new(), VecDeque::new());
        let mut used = 0;
        let config = self.service.members.model().decoder().config();
        let kind = |asker: &Asker, request: &Request| {
            (asker.member, is_long(request.prompt.len()), config.reach(request.prompt.len()))
        };
        let Some((asker, request, _)) = self.waiting.get(first) else { return };
        let wanted = kind(asker, request);
        let (member, ..) = wanted;
        for (asker, request, top) in self.waiting.drain(..) {
            if kind(&asker, &request) == wanted && used + tokens(&request) <= room {
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
            Ok(generation) => {
                self.beginning.push_back(Batch { generation, member, askers });
            }
            Err(error) => fail(askers.iter().map(|(asker, _)| asker), error),
        }
    }

    /// Computes a part of the short prompts, and of a batch of long ones, of another each time.
    fn begin_some(&mut self) {
        let most = self.step_size();
        for is_long in [false, true] {
            let place = self.beginning.iter().position(|batch| has_long(batch) == is_long);
            let batch = place.and_then(|place| self.beginning.remove(place));
            match batch.and_then(|batch| step(self.service, batch, most)) {
                Some(batch) if batch.generation.has_begun() => self.join(batch),
                batch => self.beginning.extend(batch),
            }
        }
    }

    /// Draws the next token of every continuation whose prompt is computed.
    fn draw(&mut self) {
        let drawn = self.drawing.drain(..).filter_map(|batch| step(self.service, batch, 0));
        self.drawing = drawn.collect();
    }

    /// Lets a batch draw together with another of its respondent, if there is one of its reach.
    fn join(&mut self, batch: Batch<'a>) {
        let mut left = Some(batch);
        for into in &mut self.drawing {
            left = left.and_then(|batch| into.absorb(batch));
        }
        self.drawing.extend(left);
    }
}

/// A batch one step further; nothing where none of its continuations is still running.
fn step<'a>(service: &Service, mut batch: Batch<'a>, most: usize) -> Option<Batch<'a>> {
    match batch.step(most) {
        Ok(running) => running.then_some(batch),
        Err(error) => {
            fail(batch.askers.iter().map(|(asker, _)| asker), explain(service, error));
            None
        }
    }
}

/// Whether a text or prompt of so many tokens is too long to be computed at once.
fn is_long(tokens: usize) -> bool {
    tokens > STEP
}

/// Whether the prompts of a batch are: short and long ones are not begun together.
fn has_long(batch: &Batch) -> bool {
    is_long(batch.generation.longest_prompt())
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

/// Continuations of one respondent that advance together.
pub(super) struct Batch<'a> {
    pub generation: Generation<'a, DeviceKernels>,
    pub member: usize,
    /// In the order of the generation's requests, each with the number of rivals to tell.
    pub askers: Vec<(Asker, Option<usize>)>,
}

impl<'a> Batch<'a> {
    /// Takes over what `other` does, or gives it back.
    pub fn absorb(&mut self, other: Self) -> Option<Self> {
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
    pub fn shrink(&mut self) {
        let kept = self.generation.shrink();
        self.askers = chosen(mem::take(&mut self.askers), &kept);
    }

    /// Returns whether any continuation is still running.
    pub fn step(&mut self, most: usize) -> Result<bool, EngineError> {
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
