//! A model ready for use: weights, tokenizer and chat template.

use crate::adapter::Adapter as PeftAdapter;
use crate::chat::{ChatError, ChatTemplate};
use crate::decoder::Decoder;
use crate::error::EngineError;
use crate::kernels::DeviceKernels;
use crate::lora::Adapter;
use crate::memory;
use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::weights::{ModelFiles, TensorSource};
use std::path::Path;

/// A decoder language model on a device, with its tokenizer.
pub struct Model {
    files: ModelFiles,
    decoder: Decoder<DeviceKernels>,
    tokenizer: Tokenizer,
}

impl Model {
    /// Opens a GGUF file or a Hugging Face folder for work on the CPU.
    ///
    /// # Errors
    /// The typed error of whichever part is missing, damaged or not supported.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        Self::open_on(DeviceKernels::default(), path)
    }

    /// Opens a GGUF file or a Hugging Face folder and brings its weights to a device.
    ///
    /// # Errors
    /// As of [`Self::open`], or the device's.
    pub fn open_on(kernels: DeviceKernels, path: &Path) -> Result<Self, EngineError> {
        Self::open_with(kernels, path, ModelFiles::tokenizer)
    }

    /// As [`Self::open_on`], for work with token ids: a folder needs no tokenizer. Where there is none,
    /// [`Self::tokenizer`] fails when it is asked for texts or ids.
    ///
    /// # Errors
    /// As of [`Self::open_on`].
    pub fn open_for_ids_on(kernels: DeviceKernels, path: &Path) -> Result<Self, EngineError> {
        Self::open_with(kernels, path, ModelFiles::tokenizer_if_any)
    }

    fn open_with(
        kernels: DeviceKernels,
        path: &Path,
        tokenizer: impl Fn(&ModelFiles) -> Result<Tokenizer, TokenizerError>,
    ) -> Result<Self, EngineError> {
        let files = ModelFiles::open(path)?;
        let config = files.config()?;
        let tensors = files.tensors(&config)?;
        let decoder = Decoder::load(kernels, config, &tensors)?;
        let tokenizer = tokenizer(&files)?;
        Ok(Self { files, decoder, tokenizer })
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        self.files.path()
    }

    /// All tensors of the model's files.
    ///
    /// # Errors
    /// [`crate::checkpoint_files::CheckpointError`] if the files are gone or changed.
    pub fn tensors(&self) -> Result<TensorSource, EngineError> {
        Ok(self.files.tensors(self.decoder.config())?)
    }

    /// The weights.
    pub fn decoder(&self) -> &Decoder<DeviceKernels> {
        &self.decoder
    }

    /// The weights as plain f32 in memory with `adapter` merged into them, for drawing tokens: four bytes
    /// a weight, and several times as fast. `None` where they would take more than half of the memory
    /// that is left, and on a card, whose weights are plain already: then [`Model::decoder`] serves as
    /// well, with the adapter beside it.
    pub fn plain(
        &self,
        adapter: Option<&Adapter<DeviceKernels>>,
    ) -> Option<Decoder<DeviceKernels>> {
        let kernels = self.decoder.kernels();
        let has_room = |left| self.decoder.plain_bytes() <= left / 2;
        let fits = kernels.is_cpu() && memory::available().is_none_or(has_room);
        fits.then(|| self.decoder.merged(kernels.another(), adapter))
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The chat template.
    ///
    /// # Errors
    /// [`ChatError`] if the model has none, or it is not sound.
    pub fn chat_template(&self) -> Result<ChatTemplate, ChatError> {
        self.files.chat_template()
    }

    /// The token that ends a text: the tokenizer's, else the first that the model's settings name.
    pub fn eos_id(&self) -> Option<u32> {
        self.tokenizer.eos_id().or_else(|| self.decoder.config().eos_ids.first().copied())
    }

    /// Reads a PEFT folder that was made for this model.
    ///
    /// # Errors
    /// [`crate::adapter::AdapterError`] naming what does not fit.
    pub fn read_adapter(&self, folder: &Path) -> Result<Adapter<DeviceKernels>, EngineError> {
        let peft = PeftAdapter::read(folder)?;
        let names = (&*folder.to_string_lossy(), &*self.path().to_string_lossy());
        Adapter::from_peft(self.decoder.kernels(), self.decoder.config(), &peft, names)
    }
}
