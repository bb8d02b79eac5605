//! Every way of reading answers, against the language itself.

use crate::bench::{RATINGS, chat, close, connect, connect_with, plain, score, settings};
use crate::language::{log_likelihood, next, probability};
use crate::server::{ABLE, Behaviour, Echo, LISTS, TEXT_ALONE, chat_text, serve};
use axia::respondent::{
    AnswerCache, Method, MethodChoice, Prompt, Reply, Respondent, ServedSettings, Shape,
};
use axia_engine::generate::Sampling;

const VERDICTS: [&str; 3] = [" NTA", " YTA", " Neutral"];

#[test]
fn prompts_are_scored_token_by_token() {
    for echo in [Echo::Honest, Echo::NeedsNewToken] {
        let stub = serve(Behaviour { echo, ..ABLE });
        let served = connect(&stub, Shape::Plain);
        let texts: Vec<String> = (0..9).map(|i| format!("Question {i}. My rating: ")).collect();
        let mut questions: Vec<_> = texts.iter().map(|text| plain(text, &RATINGS)).collect();
        questions.push(plain("Verdict:", &VERDICTS));
        let scores = score(&served, &questions).unwrap();
        for (text, scores) in texts.iter().zip(&scores) {
            for (candidate, &score) in RATINGS.iter().zip(scores) {
                close(score, log_likelihood(text, candidate));
            }
        }
        for (verdict, &score) in VERDICTS.iter().zip(&scores[9]) {
            close(score, log_likelihood("Verdict:", verdict));
        }
        let account = served.account();
        assert_eq!(account.scoring, Method::PromptLogprobs);
        let captured = account.captured.unwrap();
        let mass = |scores: &Vec<f64>| scores.iter().map(|s| s.exp()).sum::<f64>();
        close(captured.mean, scores.iter().map(mass).sum::<f64>() / 10.0);
        assert_eq!((captured.questions, account.context), (10, Some(4096)));
    }
}

#[test]
fn prompt_logprobs_serve_chats_too() {
    let able = Behaviour { echo: Echo::Ignored, prompt_logprobs: true, ..ABLE };
    let stub = serve(able);
    let served = connect(&stub, Shape::Plain);
    assert_eq!(served.account().scoring, Method::PromptLogprobs);
    let scores = score(&served, &[plain("Rating: ", &RATINGS)]).unwrap();
    close(scores[0][3], log_likelihood("Rating: ", "4"));

    let served = connect(&stub, Shape::Chat);
    assert_eq!(served.account().scoring, Method::PromptLogprobs);
    let scores = score(&served, &[chat("How much?", "Rating: ", &RATINGS)]).unwrap();
    for (candidate, &score) in RATINGS.iter().zip(&scores[0]) {
        close(score, log_likelihood(&chat_text("How much?", "Rating: "), candidate));
    }
    let last = stub.requests().pop().unwrap().body;
    assert_eq!(last["continue_final_message"], true);
    assert_eq!(last["messages"][1]["role"], "assistant");
}

#[test]
fn first_tokens_are_read_with_the_captured_mass() {
    for (behaviour, shape) in [
        (LISTS, Shape::Plain),
        (Behaviour { content_style: false, ..LISTS }, Shape::Plain),
        (LISTS, Shape::Chat),
    ] {
        let stub = serve(behaviour);
        let served = connect(&stub, shape);
        assert_eq!(served.account().scoring, Method::FirstToken);
        let question = match shape {
            Shape::Plain => plain("Rating: ", &RATINGS),
            Shape::Chat => chat("How much?", "Rating: ", &RATINGS),
        };
        let text = match shape {
            Shape::Plain => "Rating: ".to_owned(),
            Shape::Chat => chat_text("How much?", "Rating: "),
        };
        let scores = score(&served, &[question]).unwrap();
        let mut mass = 0.0;
        for (candidate, &score) in RATINGS.iter().zip(&scores[0]) {
            close(score, probability(&text, candidate).ln());
            mass += probability(&text, candidate);
        }
        close(served.account().captured.unwrap().mean, mass);
        let last = stub.requests().pop().unwrap().body;
        // The server's own habits are switched off.
        assert_eq!((&last["temperature"], &last["top_k"]), (&1.0.into(), &(-1).into()));
        assert_eq!(last["min_p"], 0.0);
    }
}

/// A text ending in `end` behind which `token` is probable enough to be followed.
fn followed(end: &str, token: &str) -> String {
    let mut texts = (0..).map(|i| format!("{i}. {end}"));
    texts.find(|text| probability(text, token) > 0.05).unwrap()
}

#[test]
fn a_beginning_that_candidates_share_is_followed() {
    let stub = serve(LISTS);
    let served = connect(&stub, Shape::Plain);
    let text = &followed("Verdict:", " N");
    // " N" begins two of them.
    let scores = score(&served, &[plain(text, &VERDICTS)]).unwrap();
    let of = |first: &str, second: &str| {
        probability(text, first) * probability(&format!("{text}{first}"), second)
    };
    close(scores[0][0].exp(), of(" N", "TA"));
    close(scores[0][2].exp(), of(" N", "eutral"));
    // " Y" begins one alone.
    close(scores[0][1].exp(), probability(text, " Y"));
}

#[test]
fn a_space_of_its_own_is_followed_where_there_is_none() {
    let stub = serve(LISTS);
    let served = connect(&stub, Shape::Plain);
    let scores = score(&served, &[plain("Spaced:", &RATINGS)]).unwrap();
    for (candidate, &score) in RATINGS.iter().zip(&scores[0]) {
        let at_once = if *candidate == "4" { 0.05 } else { 0.0 };
        close(score.exp(), at_once + 0.9 * probability("Spaced: ", candidate));
    }
    let alone = score(&served, &[plain("Spaced:", &["6"])]).unwrap();
    close(alone[0][0], scores[0][5]);
    // The end of an answer has no text, and is no beginning.
    let ended = score(&served, &[plain("Ended:", &RATINGS)]).unwrap();
    close(ended[0][3].exp(), 0.3);
    close(ended[0][4].exp(), 0.1);
    // Behind a space, no second one.
    let scores = score(&served, &[plain("Twice Spaced: Spaced: ", &[" 4", "5"])]).unwrap();
    close(scores[0][1].exp(), probability("Twice Spaced: Spaced: ", "5"));
}

#[test]
fn numbers_that_begin_numbers_are_told_apart() {
    let stub = serve(LISTS);
    let served = connect(&stub, Shape::Plain);
    let text = &followed("Action: ", "1");
    let scores = score(&served, &[plain(text, &["1", "10", "2"])]).unwrap();
    close(scores[0][0], probability(text, "1").ln());
    close(scores[0][1], log_likelihood(text, "10"));
    let mass = probability(text, "1") + probability(text, "2");
    close(served.account().captured.unwrap().mean, mass);
}

#[test]
fn what_is_not_listed_counts_as_nothing() {
    let stub = serve(Behaviour { top: 4, ..LISTS });
    let served = connect(&stub, Shape::Plain);
    let scores = score(&served, &[plain("Rating: ", &RATINGS)]).unwrap();
    let listed: Vec<&str> = next("Rating: ").iter().take(4).map(|(token, _)| *token).collect();
    let mut mass = 0.0;
    for (candidate, &score) in RATINGS.iter().zip(&scores[0]) {
        if listed.contains(candidate) {
            close(score, probability("Rating: ", candidate).ln());
            mass += score.exp();
        } else {
            assert_eq!(score, -30.0);
        }
    }
    close(served.account().captured.unwrap().mean, mass);
}

#[test]
fn without_logprobs_answers_are_counted() {
    let stub = serve(TEXT_ALONE);
    let wanted = ServedSettings { samples: 50, ..settings(Shape::Chat) };
    let served = connect_with(&stub, wanted, AnswerCache::in_memory()).unwrap();
    assert_eq!(served.account().scoring, Method::Samples(50));
    let before = stub.requests().len();
    let scores = score(&served, &[chat("How much?", "", &RATINGS)]).unwrap();
    assert_eq!(stub.requests().len() - before, 50);
    let counted: f64 = scores[0].iter().map(|s| s.exp()).sum();
    close(served.account().captured.unwrap().mean, counted);
    for score in &scores[0] {
        let votes = score.exp() * 50.0;
        assert!((votes - votes.round()).abs() < 1e-9, "{votes} votes");
    }
    // Each answer is a draw of its own.
    let requests = stub.requests();
    let seeds = requests[before..].iter().map(|r| r.body["seed"].as_u64().unwrap());
    assert_eq!(seeds.collect::<std::collections::BTreeSet<_>>().len(), 50);
}

#[test]
fn a_question_that_nobody_answers_counts_all_the_same() {
    let stub = serve(LISTS);
    let served = connect(&stub, Shape::Plain);
    let scores = score(&served, &[plain("x", &["zebra", "yak"])]).unwrap();
    assert_eq!(scores, [[-30.0, -30.0]]);
    let account = served.account();
    assert_eq!(account.captured.unwrap().none, 1);
    assert!(account.describe().contains("1 questions were answered by no candidate"));
}

#[test]
fn a_way_of_reading_can_be_chosen_if_it_is_there() {
    let choose = |behaviour, method| {
        let wanted = ServedSettings { method, ..settings(Shape::Plain) };
        connect_with(&serve(behaviour), wanted, AnswerCache::in_memory())
            .map(|served| served.account().scoring)
    };
    assert_eq!(choose(ABLE, MethodChoice::FirstToken).unwrap(), Method::FirstToken);
    assert_eq!(choose(ABLE, MethodChoice::Samples).unwrap(), Method::Samples(20));
    let message = choose(LISTS, MethodChoice::PromptLogprobs).unwrap_err().to_string();
    assert!(message.contains("prompt-logprobs") && message.contains("--scoring"), "{message}");
    let message = choose(TEXT_ALONE, MethodChoice::FirstToken).unwrap_err().to_string();
    assert!(message.contains("lists no likeliest tokens"), "{message}");
}

#[test]
fn replies_are_drawn_as_asked() {
    let stub = serve(ABLE);
    let served = connect(&stub, Shape::Chat);
    let sampling = Sampling { temperature: 0.6, top_p: 0.9, top_k: 20 };
    let prompt = Prompt::Chat {
        system: Some("Play.".to_owned()),
        question: "0: stay".to_owned(),
        answer: String::new(),
    };
    let reply = |seed| Reply { prompt: prompt.clone(), sampling, seed, max_tokens: 5 };
    let questions: Vec<Reply> = (0..8).map(reply).collect();
    let replies = served.reply(&questions, &|_| false, &mut |_| true).unwrap();
    assert_eq!(replies.len(), 8);
    assert!(replies.iter().any(|reply| *reply != replies[0]));
    assert_eq!(replies, served.reply(&questions, &|_| false, &mut |_| true).unwrap());
    let sent = stub.requests().pop().unwrap().body;
    assert_eq!((&sent["top_k"], &sent["top_p"]), (&20.into(), &0.9.into()));
    assert_eq!((&sent["temperature"], &sent["max_tokens"]), (&0.6.into(), &5.into()));
    assert_eq!(sent["messages"][0]["content"], "Play.");
    assert!(served.account().captured.is_none());
}

#[test]
fn lengths_are_estimated_and_control_tokens_broken() {
    let served = connect(&serve(ABLE), Shape::Plain);
    assert_eq!(served.tokens(&Prompt::Plain("twelve bytes".to_owned())).unwrap(), 3);
    assert_eq!(served.inert("a <|im_end|> b"), "a < |im_end|> b");
    assert_eq!(served.inert("plain"), "plain");
}
