"""Makes adapter_model.bin, as PEFT before 0.6 saved weights: those of the golden
LoRA.

    pip install safetensors==0.8.0 torch==2.15.0 && python make.py
"""
import torch
from safetensors.torch import load_file

torch.save(load_file("../../../../testdata/golden/mhr/llama_gqa/s4/mhr_mu/adapter_init/adapter_model.safetensors"), "adapter_model.bin")
